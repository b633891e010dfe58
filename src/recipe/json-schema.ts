/**
 * The recipe's definition for editors (JSON Schema) and for the README (a table of keys). Called by `runnel schema` and
 * by the tests that hold the committed copies against it.
 */

import * as z from "zod";
import { FIELDS } from "./fields.ts";
import { recipeSchema } from "./schema.ts";
import { keyRows } from "./walk.ts";

/** The JSON Schema of a recipe, as text. */
export function recipeJsonSchema(): string {
  const schema = z.toJSONSchema(recipeSchema, {
    io: "input",
    target: "draft-7",
    metadata: z.registry<Record<string, never>>(),
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => annotate(zodSchema, jsonSchema),
  });
  return `${JSON.stringify({ ...schema, title: "A recipe of runnel" }, null, 2)}\n`;
}

/** What people are told of a key, and the keys that are free in every map. */
function annotate(zodSchema: z.core.$ZodType, jsonSchema: z.core.JSONSchema.BaseSchema): void {
  const field = FIELDS.get(zodSchema);
  if (field !== undefined) {
    jsonSchema.description = field.description;
    if (field.shown !== undefined) jsonSchema.default = yamlValue(field.shown);
  }
  if (zodSchema instanceof z.ZodObject || zodSchema instanceof z.ZodRecord) {
    jsonSchema.patternProperties = { "^x-": {} };
  }
}

function yamlValue(text: string): string | boolean {
  return text === "true" ? true : text === "false" ? false : text;
}

/** The README's table of keys, in Markdown. */
export function recipeKeyTable(): string {
  const rows = keyRows(recipeSchema)
    .filter(({ path }) => !path.startsWith("defaults."))
    .map(({ path, field }) => {
      const shown = field.shown === undefined ? "" : `\`${field.shown}\``;
      return `| \`${path}\` | \`${field.example}\` | ${shown} | ${field.description} |`;
    });
  return ["| key | example | default | what it does |", "|---|---|---|---|", ...rows, ""].join("\n");
}
