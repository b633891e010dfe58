/**
 * `runnel repair`: says what is wrong with an FLV file, and writes a sound one beside it.
 */

import { existsSync, realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { UsageError } from "../errors.ts";
import { ExitCode } from "../face/exit.ts";
import { formatBytes, formatDuration, plural } from "../face/format.ts";
import type { Terminal } from "../face/terminal.ts";
import {
  type Finding,
  type FindingCounts,
  findingsInWords,
  isBeyondRepair,
} from "../media/repair-finding.ts";
import { parseArgs, type Args } from "./args.ts";
import { lookAt, requireFile } from "./check-paths.ts";
import { type Faces, makeFaces } from "./faces.ts";
import { flagsOf } from "./flags.ts";
import { type Surveyed, surveyFile, writeRepaired } from "./repair-file.ts";
import { listenForSignals } from "./signals.ts";

/** What is to be done. `output` is undefined where nothing is to be written. */
type Order = {
  readonly input: string;
  readonly output: string | undefined;
  /** The file behind that name, should it be a link. */
  readonly target: string;
  /** Whether the name was chosen: then a file of that name is expected, sound input or not. */
  readonly named: boolean;
};

/** Findings beyond these are counted, unless --check wants to see all. */
const SHOWN_FINDINGS = 20;

/** Runs the command; returns the exit code. Throws UsageError, DiskError, MediaError. */
export async function runRepairCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const args = parseArgs(argv, flagsOf("repair"), process.env);
  const order = orderOf(args);
  const faces = makeFaces(terminal, args, { mediaOnStdout: false });
  using signals = listenForSignals({ onStatistics: () => {} });
  try {
    return await new Repair(order, faces).run(signals.stop);
  } catch (error) {
    // Half a file is thrown away: there is nothing that a second signal would have to hurry.
    const code = signals.stopCode;
    if (code === undefined) throw error;
    faces.lastLine("stopped: nothing was written", code);
    return code;
  }
}

function orderOf(args: Args): Order {
  const [input, ...more] = args.positionals;
  if (input === undefined) throw new UsageError("repair needs a file: runnel repair FILE [-o OUT]");
  if (more.length > 0)
    throw new UsageError(`repair takes one file; "${more[0]}" is a second (-o names the output)`);
  const [wanted, ...others] = args.values.get("output") ?? [];
  if (others.length > 0) throw new UsageError("repair writes one file: -o was given more than once");
  if (input === "-" || wanted === "-" || requireFile(input).isFIFO()) {
    throw new UsageError("repair reads its file twice and patches what it writes: neither can be a pipe");
  }
  const force = has(args, "force");
  if (has(args, "check")) {
    if (wanted !== undefined) throw new UsageError("--check writes nothing; leave out -o");
    return { input, output: undefined, target: "", named: false };
  }
  const output = wanted ?? besides(input);
  checkOutput(input, output, force);
  const target = existsSync(output) ? realpathSync(output) : resolve(output);
  return { input, output, target, named: wanted !== undefined };
}

/** `show.flv` becomes `show.repaired.flv`, and `show.flv.part`, which a crash left, `show.repaired.flv` too. */
function besides(input: string): string {
  const path = input.replace(/\.part$/i, "");
  const stem = path.replace(/\.flv$/i, "");
  return `${stem}.repaired.flv`;
}

function checkOutput(input: string, output: string, force: boolean): void {
  const existing = lookAt(output);
  if (existing === undefined) return;
  if (existing.isDirectory()) throw new UsageError(`"${output}" is a folder, not a file`);
  if (force) return;
  const own = statSync(input);
  if (own.ino === existing.ino && own.dev === existing.dev) {
    throw new UsageError(`"${output}" is the file to be repaired; --force replaces it with the mended one`);
  }
  throw new UsageError(`"${output}" exists already; --force overwrites it, -o takes another name`);
}

const has = (args: Args, flag: string): boolean => (args.counts.get(flag) ?? 0) > 0;

/** One repair or check. */
class Repair {
  readonly #order: Order;
  readonly #faces: Faces;
  readonly #counts: FindingCounts = {};
  #found = 0;

  constructor(order: Order, faces: Faces) {
    this.#order = order;
    this.#faces = faces;
  }

  async run(signal: AbortSignal): Promise<number> {
    const { input, output, target, named } = this.#order;
    const surveyed = await surveyFile(input, (finding) => this.#take(finding), signal);
    if (output === undefined) return this.#checked(surveyed);
    if (this.#found === 0 && !named) return this.#sound(surveyed, "; nothing to mend, no file written");
    const mode = statSync(input).mode & 0o777;
    const repaired = await writeRepaired({ input, output: target, mode }, surveyed, signal);
    const mended = findingsInWords(this.#counts, (kind) => !isBeyondRepair(kind));
    const beyond = findingsInWords(this.#counts, isBeyondRepair);
    const parts = [`${output}: ${formatDuration(repaired.ms)}, ${formatBytes(repaired.bytes)}`];
    if (mended !== "") parts.push(`mended: ${mended}`);
    if (this.#found === 0) parts.push("nothing was wrong");
    if (beyond === "") return this.#end(parts.join("; "), ExitCode.done, { ...repaired, output });
    parts.push(`beyond repair: ${beyond}`);
    return this.#end(`incomplete: ${parts.join("; ")}`, ExitCode.incomplete, { ...repaired, output });
  }

  #checked({ survey }: Surveyed): number {
    if (this.#found === 0) return this.#sound({ survey }, "");
    const words = findingsInWords(this.#counts);
    const text = `${this.#order.input}: ${plural(this.#found, "finding")}: ${words}`;
    return this.#end(text, ExitCode.incomplete, { ms: survey.lastMs });
  }

  #sound({ survey }: Pick<Surveyed, "survey">, rest: string): number {
    const text = `${this.#order.input} is sound: ${formatDuration(survey.lastMs)}, ${plural(survey.tags, "tag")}${rest}`;
    return this.#end(text, ExitCode.done, { ms: survey.lastMs });
  }

  /** A check is asked for its findings; a repair tells of the first ones. */
  #take(finding: Finding): void {
    const { input, output } = this.#order;
    const { terminal, json, quiet } = this.#faces;
    this.#counts[finding.kind] = (this.#counts[finding.kind] ?? 0) + 1;
    this.#found++;
    if (json !== undefined) {
      json(JSON.stringify({ event: "finding", file: input, ...finding }));
      return;
    }
    const line = `${input}: offset ${finding.offset}: ${finding.text}`;
    if (output === undefined) terminal.out(line);
    else if (!quiet && this.#found <= SHOWN_FINDINGS) terminal.line(line);
    else if (!quiet && this.#found === SHOWN_FINDINGS + 1)
      terminal.line(`${input}: and more; --check lists all`);
  }

  #end(text: string, code: number, facts: { ms: number; bytes?: number; output?: string }): number {
    const { json, lastLine } = this.#faces;
    const { ms, ...rest } = facts;
    const summary = { event: "summary", file: this.#order.input, sound: this.#found === 0, durationMs: ms };
    json?.(JSON.stringify({ ...summary, ...rest, findings: this.#counts, exitCode: code, text }));
    lastLine(text, code);
    return code;
  }
}
