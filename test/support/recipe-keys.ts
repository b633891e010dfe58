/** Every key of a recipe with what is said of it, as tests want them: in a row. */
import * as z from "zod";
import type { FieldMeta } from "../../src/recipe/fields.ts";
import { recipeSchema } from "../../src/recipe/schema.ts";
import { fieldAt } from "../../src/recipe/walk.ts";

/** A key with the keys above it, joined by dots; names that people give stand as NAME. */
export type KeyRow = { readonly path: string; readonly field: FieldMeta };

/** All keys of a definition in their order. */
export function keyRows(root: z.core.$ZodType = recipeSchema): KeyRow[] {
  return rowsBelow(root, { schema: root, path: [] });
}

type At = { readonly schema: z.core.$ZodType; readonly path: readonly string[] };

function rowsBelow(root: z.core.$ZodType, { schema, path }: At): KeyRow[] {
  if (schema instanceof z.ZodOptional) return rowsBelow(root, { schema: schema.unwrap(), path });
  if (schema instanceof z.ZodRecord)
    return rowsBelow(root, { schema: schema.valueType, path: [...path, "NAME"] });
  if (schema instanceof z.ZodUnion)
    return schema.options.flatMap((option) => rowsBelow(root, { schema: option, path }));
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries<z.core.$ZodType>(schema.shape).flatMap(([key, value]) => {
    const field = fieldAt(root, [...path, key]);
    const own = field === undefined ? [] : [{ path: [...path, key].join("."), field }];
    return [...own, ...rowsBelow(root, { schema: value, path: [...path, key] })];
  });
}

/** The README's table of keys, in Markdown. */
export function recipeKeyTable(): string {
  const rows = keyRows()
    .filter(({ path }) => !path.startsWith("defaults."))
    .map(({ path, field }) => {
      const shown = field.shown === undefined ? "" : `\`${field.shown}\``;
      return `| \`${path}\` | \`${field.example}\` | ${shown} | ${field.description} |`;
    });
  return ["| key | example | default | what it does |", "|---|---|---|---|", ...rows, ""].join("\n");
}
