/**
 * The subcommands as citty knows them: names, descriptions and arguments for --help. Parsing is args.ts's.
 */

import { defineCommand, type ArgsDef, type CommandDef } from "citty";
import type { Terminal } from "../face/terminal.ts";
import { flagsOf, flagText, type Flag, type Verb } from "./flags.ts";

/**
 * What a subcommand does with its arguments; gives the exit code. The process has one terminal: secrets that the command
 * learns of are masked in what it throws, too.
 */
type Run = (argv: readonly string[], terminal: Terminal) => Promise<number>;

type VerbRow = {
  readonly verb: Verb;
  readonly description: string;
  readonly positionals: readonly { name: string; description: string; required: boolean }[];
  readonly run: Run;
};

const source = (description: string) => ({ name: "SOURCE", description, required: true });

/** -t, -k and -o stand in for it. */
const DEST = { name: "DEST...", description: "rtmp://HOST/APP/KEY; or write -t, -k and -o", required: false };

/** Every subcommand. Each loads its own code when it runs. */
const ROWS: readonly VerbRow[] = [
  {
    verb: "pull",
    description: "record a stream to FLV",
    positionals: [
      source("rtmp:// rtmps:// http(s)://….flv, listen:[HOST:]PORT/APP[/KEY], or RECIPE.yaml"),
      {
        name: "FILE...",
        description: "recordings; - is stdout; by default {app}-{stream}_DATE_TIME.flv",
        required: false,
      },
    ],
    run: async (argv, terminal) => (await import("./job.ts")).runJobCommand("pull", argv, terminal),
  },
  {
    verb: "push",
    description: "send a file, a pipe, a camera or the test card to RTMP servers",
    positionals: [
      source(
        "FILE.flv, - for stdin, camera:rpicam, camera:v4l2, exec:COMMAND, h264:FILE, testcard:, or RECIPE.yaml",
      ),
      DEST,
    ],
    run: async (argv, terminal) => (await import("./job.ts")).runJobCommand("push", argv, terminal),
  },
  {
    verb: "relay",
    description: "take a stream from one server and send it to others",
    positionals: [
      source("rtmp:// rtmps:// http(s)://….flv, listen:[HOST:]PORT/APP[/KEY], or RECIPE.yaml"),
      DEST,
    ],
    run: async (argv, terminal) => (await import("./job.ts")).runJobCommand("relay", argv, terminal),
  },
  {
    verb: "run",
    description: "run every job of recipes, scheduled ones on their schedule",
    positionals: [{ name: "RECIPE...", description: "YAML files", required: true }],
    run: async (argv, terminal) => (await import("./run.ts")).runRunCommand(argv, terminal),
  },
  {
    verb: "probe",
    description: "say what a stream or file holds (exit code 3: the file is damaged)",
    positionals: [source("rtmp:// rtmps:// http(s)://….flv, FILE.flv, or -")],
    run: async (argv, terminal) => (await import("./probe.ts")).runProbeCommand(argv, terminal),
  },
  {
    verb: "repair",
    description:
      "mend a cut or broken FLV file (exit code 3: --check found something, or a part is beyond repair)",
    positionals: [
      {
        name: "FILE",
        description: "FLV file, left as it is; the mended one is NAME.repaired.flv",
        required: true,
      },
    ],
    run: async (argv, terminal) => (await import("./repair.ts")).runRepairCommand(argv, terminal),
  },
  {
    verb: "check",
    description: "say all that is wrong with recipes, or what they will do",
    positionals: [{ name: "RECIPE...", description: "YAML files", required: true }],
    run: async (argv, terminal) => (await import("./check.ts")).runCheckCommand(argv, terminal),
  },
  {
    verb: "schema",
    description: "print the JSON Schema of recipes, for editors",
    positionals: [],
    run: async (argv) => (await import("./schema.ts")).runSchemaCommand(argv),
  },
];

/** The names of all subcommands. */
export const VERBS: readonly string[] = ROWS.map((row) => row.verb);

/** The root command, for --help. */
export function rootCommand(version: string): CommandDef {
  return defineCommand({
    meta: { name: "runnel", version, description: "record and restream RTMP" },
    subCommands: Object.fromEntries(ROWS.map((row) => [row.verb, subCommand(row)])),
  });
}

/** One subcommand, for --help. */
export function subCommandOf(verb: string): CommandDef | undefined {
  const row = ROWS.find((candidate) => candidate.verb === verb);
  return row === undefined ? undefined : subCommand(row);
}

/** Runs a subcommand; gives the exit code. */
export async function runSubCommand(
  verb: string,
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const row = ROWS.find((candidate) => candidate.verb === verb);
  if (row === undefined) throw new Error(`no command ${verb}`);
  return row.run(argv, terminal);
}

function subCommand(row: VerbRow): CommandDef {
  const positionals: ArgsDef = Object.fromEntries(
    row.positionals.map(({ name, description, required }) => [
      name,
      { type: "positional", description, required },
    ]),
  );
  const flags: ArgsDef = Object.fromEntries(
    flagsOf(row.verb).map((flag) => [flag.name, argOf(flag, flagText(flag, row.verb))]),
  );
  return defineCommand({
    meta: { name: row.verb, description: row.description },
    args: { ...positionals, ...flags },
  });
}

function argOf(flag: Flag, description: string): ArgsDef[string] {
  const common = { description, ...(flag.short === undefined ? {} : { alias: flag.short }) };
  if (flag.kind === "switch" || flag.kind === "count") return { type: "boolean", ...common };
  const hint = flag.kind === "optional" ? `[=${flag.hint ?? "VALUE"}]` : (flag.hint ?? "VALUE");
  return { type: "string", ...common, valueHint: hint };
}
