/**
 * Ways through the recipe's definition: what is known of the key at the end of a path, and the keys that a map knows.
 */

import * as z from "zod";
import { FIELDS, type FieldMeta } from "./fields.ts";
import type { Path } from "./tree.ts";

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
