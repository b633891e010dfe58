/**
 * --help within 80 columns: a command's definition in, text out. citty's own table is as wide as its longest sentence.
 */

import type { ArgDef, CommandDef } from "citty";

const WIDTH = 80;
/** Sentences begin in this column; a flag that is longer has a line of its own. */
const COLUMN = 26;

/** A word and the sentence beside it. */
type Row = readonly [left: string, right: string];

/** The help of the program as a whole. */
export function programHelp({ meta, subCommands }: CommandDef): string {
  const { name, version, description } = settled(meta);
  const rows = Object.entries(settled(subCommands)).map(([verb, command]): Row => [
    verb,
    settled(settled(command as CommandDef).meta).description ?? "",
  ]);
  return [
    ...wrapped(`${name} ${version}: ${description}`),
    "",
    `usage: ${name} COMMAND ...`,
    "",
    ...rows.flatMap(tabled),
    "",
    ...wrapped(`${name} COMMAND --help tells the flags of a command, ${name} --version the version.`),
  ].join("\n");
}

/** The help of one command of `program`. */
export function commandHelp({ meta, args }: CommandDef, program: string): string {
  const { name, description } = settled(meta);
  const all = Object.entries(settled(args));
  const positionals = all.filter(([, arg]) => arg.type === "positional");
  const flags = all.filter(([, arg]) => arg.type !== "positional");
  const usage = positionals.map(([label, arg]) => (arg.required === false ? `[${label}]` : label));
  const variables = `Every flag has a variable too: ${program.toUpperCase()}_ and its name, as in ${program.toUpperCase()}_RETRY_MIN.`;
  return [
    ...wrapped(`${program} ${name}: ${description}`),
    "",
    ["usage:", program, name, ...(flags.length > 0 ? ["[FLAGS]"] : []), ...usage].join(" "),
    "",
    ...positionals.flatMap(([label, arg]) => tabled([label, arg.description ?? ""])),
    ...(flags.length > 0 ? ["", "flags:"] : []),
    ...flags.flatMap(([flag, arg]) => tabled([flagLabel(flag, arg), arg.description ?? ""])),
    ...(flags.length > 0 ? ["", ...wrapped(variables)] : []),
  ].join("\n");
}

/** What a command's definition holds once it is there; ours are never made late. */
function settled<T>(value: T): Exclude<T, undefined | Promise<unknown> | ((...all: never[]) => unknown)> {
  if (value === undefined || typeof value === "function" || value instanceof Promise)
    throw new Error("Internal: the definition of a command is not complete");
  return value as Exclude<T, undefined | Promise<unknown> | ((...all: never[]) => unknown)>;
}

function flagLabel(name: string, arg: ArgDef): string {
  const short = "alias" in arg && typeof arg.alias === "string" ? `-${arg.alias}, ` : "";
  const hint = "valueHint" in arg ? (arg.valueHint ?? "") : "";
  return `${short}--${name}${hint === "" || hint.startsWith("[=") ? hint : ` ${hint}`}`;
}

/** A label and a sentence beside it, or below it where there is no room. */
function tabled([left, right]: Row): string[] {
  const lines = wrapped(right, WIDTH - COLUMN).map((line) => " ".repeat(COLUMN) + line);
  const label = `  ${left}`;
  if (label.length > COLUMN - 2) return [label, ...lines];
  return [label.padEnd(COLUMN) + (lines[0] ?? "").trimStart(), ...lines.slice(1)];
}

/** A text in lines of this width; a longer word has a line of its own. */
function wrapped(text: string, width = WIDTH): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
