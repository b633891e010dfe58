/**
 * Ways through the recipe's definition: the schema at the end of a path, the keys that a map knows, every key in order
 * for the README's table. Called by validate.ts and json-schema.ts.
 */

import * as z from "zod";
import { FIELDS, type FieldMeta } from "./fields.ts";
import type { Path } from "./tree.ts";

/** One key of a recipe, for people. */
export type KeyRow = { readonly path: string; readonly field: FieldMeta };

/** What is known of the key at the end of a path. */
export function fieldAt(schema: z.core.$ZodType, path: Path): FieldMeta | undefined {
  const found = schemaAt(schema, path);
  return found === undefined ? undefined : fieldOf(found);
}

/** The keys that the map at the end of a path knows. */
export function keysAt(schema: z.core.$ZodType, path: Path): string[] {
  const found = schemaAt(schema, path);
  const map = found === undefined ? undefined : mapOf(found);
  return map === undefined ? [] : Object.keys(map.shape);
}

/** Every key with its field; names that people give stand as NAME. */
export function keyRows(schema: z.core.$ZodType, path: readonly string[] = []): KeyRow[] {
  if (schema instanceof z.ZodOptional) return keyRows(schema.unwrap(), path);
  if (schema instanceof z.ZodRecord) return keyRows(schema.valueType, [...path, "NAME"]);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => keyRows(option, path));
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries<z.core.$ZodType>(schema.shape).flatMap(([key, value]) => {
    const field = fieldOf(value);
    const own = field === undefined ? [] : [{ path: [...path, key].join("."), field }];
    return [...own, ...keyRows(value, [...path, key])];
  });
}

function schemaAt(schema: z.core.$ZodType, path: Path): z.core.$ZodType | undefined {
  let found: z.core.$ZodType | undefined = schema;
  for (const step of path) found = found === undefined ? undefined : below(found, String(step));
  return found;
}

function below(schema: z.core.$ZodType, key: string): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodOptional) return below(schema.unwrap(), key);
  if (schema instanceof z.ZodObject) return Object.hasOwn(schema.shape, key) ? schema.shape[key] : undefined;
  if (schema instanceof z.ZodRecord) return schema.valueType;
  if (schema instanceof z.ZodArray) return schema.element;
  if (!(schema instanceof z.ZodUnion)) return undefined;
  for (const option of schema.options) {
    const found = below(option, key);
    if (found !== undefined) return found;
  }
  return undefined;
}

function fieldOf(schema: z.core.$ZodType): FieldMeta | undefined {
  const own = FIELDS.get(schema);
  if (own !== undefined) return own;
  if (schema instanceof z.ZodOptional) return fieldOf(schema.unwrap());
  if (!(schema instanceof z.ZodUnion)) return undefined;
  return schema.options.map(fieldOf).find((field) => field !== undefined);
}

function mapOf(schema: z.core.$ZodType): z.ZodObject | undefined {
  if (schema instanceof z.ZodObject) return schema;
  if (schema instanceof z.ZodOptional) return mapOf(schema.unwrap());
  if (!(schema instanceof z.ZodUnion)) return undefined;
  return schema.options.map(mapOf).find((map) => map !== undefined);
}
