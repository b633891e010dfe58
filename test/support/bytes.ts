/** Bytes as hex, both ways, for tests: hex`03 0003 617070` in, the same digits out. */
import { readFileSync } from "node:fs";

/** Hex digits, with any spacing, as bytes; `${}` takes further hex or a Uint8Array. */
export function hex(parts: TemplateStringsArray, ...values: readonly (string | Uint8Array)[]): Uint8Array {
  let text = parts[0] ?? "";
  values.forEach((value, i) => {
    text += typeof value === "string" ? value : toHex(value);
    text += parts[i + 1] ?? "";
  });
  return fromHex(text);
}

/** The same for a plain string. */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, "");
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) throw new Error(`Not hex: ${text}`);
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Lower-case digits without spaces. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** A file below test/fixtures, whole. */
export function fixture(path: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../fixtures/${path}`, import.meta.url)));
}
