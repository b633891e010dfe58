/**
 * The strict argument layer: argv and the environment in, every value of every flag out. Repeated flags keep all
 * their values, an unknown flag is a problem with a suggestion, and all problems come at once. citty does none of
 * this; it gets the definitions for --help.
 */

import { UsageError, type UsageProblem, type Words } from "../errors.ts";
import { nearest } from "../recipe/nearest.ts";
import { environmentName, FLAGS, type Flag, type Verb } from "./flags.ts";

/** What was given. `values` has the texts of value and list flags, `counts` how often a switch stood. */
export type Args = {
  readonly positionals: readonly string[];
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly counts: ReadonlyMap<string, number>;
  /** Flags that the environment gave, with the names of their variables. */
  readonly variables: ReadonlyMap<string, string>;
};

/** Parses a verb's arguments. The environment fills in flags that argv does not have. Throws UsageError. */
export function parseArgs(
  argv: readonly string[],
  flags: readonly Flag[],
  environment: Readonly<Record<string, string | undefined>>,
): Args {
  const parser = new Parser(flags);
  parser.argv(argv);
  parser.environment(environment);
  if (parser.problems.length > 0) throw new UsageError(parser.problems);
  return parser;
}

/**
 * What `read` returns; problems that it throws are said of the variable where a flag was given by one:
 * `RUNNEL_FOR: ...` instead of `--for: ...`.
 */
export function sayingVariables<T>({ variables }: Pick<Args, "variables">, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(error.problems.map((problem) => sayingVariable(problem, variables)));
  }
}

/** A problem with variables for the flags that they gave. What advice says is about flags. */
function sayingVariable(problem: UsageProblem, variables: Args["variables"]): UsageProblem {
  const named = (written: string): string => {
    const flag = FLAGS.find(({ name, short }) => written === `--${name}` || written === `-${short}`);
    return (flag && variables.get(flag.name)) ?? written;
  };
  const part = (words: Words): Words =>
    typeof words === "object" && "flag" in words ? named(words.flag) : words;
  return {
    ...problem,
    ...(problem.flag === undefined ? {} : { flag: named(problem.flag) }),
    what: typeof problem.what === "string" ? problem.what : problem.what.map(part),
  };
}

class Parser implements Args {
  readonly positionals: string[] = [];
  readonly values = new Map<string, string[]>();
  readonly counts = new Map<string, number>();
  readonly variables = new Map<string, string>();
  readonly problems: string[] = [];
  readonly #flags: readonly Flag[];

  constructor(flags: readonly Flag[]) {
    this.#flags = flags;
  }

  argv(argv: readonly string[]): void {
    for (let i = 0; i < argv.length; i++) {
      const arg = argv[i]!;
      if (arg === "--") {
        this.positionals.push(...argv.slice(i + 1));
        return;
      }
      if (arg.startsWith("--")) i += this.#long(arg, argv[i + 1]);
      else if (arg.startsWith("-") && arg.length > 1) i += this.#short(arg, argv[i + 1]);
      else this.positionals.push(arg);
    }
  }

  environment(environment: Readonly<Record<string, string | undefined>>): void {
    for (const flag of this.#flags) {
      const name = environmentName(flag);
      const text = environment[name];
      // Set to nothing is how shells and service files leave a variable out.
      if (text === undefined || text === "" || this.values.has(flag.name) || this.counts.has(flag.name))
        continue;
      this.variables.set(flag.name, name);
      if (flag.kind === "value" || flag.kind === "list") this.values.set(flag.name, [text]);
      else if (flag.kind === "optional" && /[/:]/.test(text)) this.values.set(flag.name, [text]);
      else this.#switchFromEnvironment(flag, name, text);
    }
  }

  #switchFromEnvironment(flag: Flag, name: string, text: string): void {
    if (/^(1|true|yes|on)$/i.test(text)) this.counts.set(flag.name, 1);
    else if (flag.kind === "count" && /^[0-9]$/.test(text)) this.counts.set(flag.name, Number(text));
    else if (!/^(0|false|no|off)$/i.test(text)) this.problems.push(`${name}="${text}" is neither 1 nor 0`);
  }

  /** Returns how many further arguments were used up. */
  #long(arg: string, next: string | undefined): number {
    const equals = arg.indexOf("=");
    const name = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
    const flag = this.#flags.find((candidate) => candidate.name === name);
    if (flag === undefined) {
      this.problems.push(unknownFlag(`--${name}`, this.#flags));
      return 0;
    }
    return this.#give(flag, `--${name}`, equals < 0 ? undefined : arg.slice(equals + 1), next);
  }

  /** `-o x`, `-ox`, `-vv`, `-qv`. */
  #short(arg: string, next: string | undefined): number {
    for (let i = 1; i < arg.length; i++) {
      const flag = this.#flags.find((candidate) => candidate.short === arg[i]);
      if (flag === undefined) {
        this.problems.push(unknownFlag(`-${arg[i]}`, this.#flags));
        return 0;
      }
      if (flag.kind === "switch" || flag.kind === "count" || flag.kind === "optional") {
        this.#give(flag, `-${arg[i]}`, undefined, undefined);
        continue;
      }
      const attached = arg.slice(i + 1).replace(/^=/, "");
      return this.#give(flag, `-${arg[i]}`, attached === "" ? undefined : attached, next);
    }
    return 0;
  }

  #give(flag: Flag, written: string, attached: string | undefined, next: string | undefined): number {
    if (flag.kind === "optional" && attached !== undefined) {
      this.values.set(flag.name, [attached]);
      return 0;
    }
    if (flag.kind === "switch" || flag.kind === "count" || flag.kind === "optional") {
      if (attached !== undefined) this.problems.push(`${written} takes no value; leave out "=${attached}"`);
      this.counts.set(flag.name, (this.counts.get(flag.name) ?? 0) + 1);
      return 0;
    }
    const text = attached ?? next;
    // A lone - is stdin or stdout; anything else that begins with one is the next flag.
    if (text === undefined || (attached === undefined && text.length > 1 && text.startsWith("-"))) {
      this.problems.push(`${written} needs a value: ${written} ${flag.hint ?? "VALUE"}`);
      return 0;
    }
    const given = this.values.get(flag.name);
    if (given === undefined) this.values.set(flag.name, [text]);
    else if (flag.kind === "list") given.push(text);
    else this.problems.push(`${written} was given twice; once is enough`);
    return attached === undefined ? 1 : 0;
  }
}

/** Flags of rtmpdump and ffmpeg that are others here. */
const OLD_HANDS: Readonly<Record<string, string>> = {
  "-r": "the source needs no flag (rtmpdump's -r is --rtmp here)",
  "-i": "the source needs no flag",
  "--url": "the source needs no flag",
  "-y": "rtmpdump's -y is --playpath here",
  "-a": "rtmpdump's -a is --app here",
  "-p": "rtmpdump's -p is --pageUrl here",
  "-s": "rtmpdump's -s is --swfUrl here",
  "-f": "rtmpdump's -f is --flashVer here",
  "-C": "rtmpdump's -C is --conn here",
  "-B": "rtmpdump's -B is --stop here",
  "-m": "rtmpdump's -m is --timeout here",
  "--flv": "rtmpdump's --flv is -o here",
  "--host": "host, port and protocol stand in the URL here",
  "--port": "host, port and protocol stand in the URL here",
  "--protocol": "host, port and protocol stand in the URL here",
};

function unknownFlag(written: string, flags: readonly Flag[]): string {
  const elsewhere = FLAGS.find((flag) => `--${flag.name}` === written || `-${flag.short}` === written);
  if (elsewhere !== undefined) {
    const readsRecipes =
      !flags.some(({ name }) => name === "output") && flags.some(({ name }) => name === "job");
    const instead =
      readsRecipes && elsewhere.words !== undefined
        ? `; write it into the recipe, or set ${environmentName(elsewhere)}`
        : "";
    return `${written} is a flag of ${verbList(elsewhere.verbs)}, not of this command${instead}`;
  }
  const known = OLD_HANDS[written];
  if (known !== undefined) return `unknown flag ${written}; ${known}`;
  const near = nearest(
    written.replace(/^-+/, ""),
    flags.map((flag) => flag.name),
  );
  return `unknown flag ${written}${near === undefined ? "; --help lists them all" : ` - did you mean --${near}?`}`;
}

function verbList(verbs: readonly Verb[]): string {
  return verbs.join(", ");
}
