/**
 * The recipe's definition for editors (JSON Schema). It is what `runnel schema` prints, and a test holds the committed
 * copy against it.
 */

import * as z from "zod";
import { FIELDS } from "./fields.ts";
import { recipeSchema } from "./schema.ts";

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
