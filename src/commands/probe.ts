/**
 * `runnel probe`: watches a stream for a while, or reads a file to its end, and says what it holds.
 */

import { UsageError } from "../errors.ts";
import { ExitCode } from "../face/exit.ts";
import type { Terminal } from "../face/terminal.ts";
import { formatInspection, formatProbe } from "../media/probe-text.ts";
import { StreamProbe } from "../media/probe.ts";
import type { Inspection } from "../media/repair-inspection.ts";
import { Hub } from "../pipeline/hub.ts";
import { Ingest } from "../pipeline/ingest.ts";
import { makeSource } from "../pipeline/registry.ts";
import { sleep } from "../pipeline/sleep.ts";
import { parseSource } from "../recipe/addresses.ts";
import { DEFAULT_RETRY, DEFAULT_STALL_MS } from "../recipe/defaults.ts";
import { netPlan, secretsOfPlan } from "../recipe/from-flags.ts";
import { NO_FOURCCS } from "../rtmp/connect.ts";
import { isProblem, parseDuration } from "../recipe/units.ts";
import { parseArgs, sayingVariables, type Args } from "./args.ts";
import { requireFile } from "./check-paths.ts";
import { makeFaces, type Faces } from "./faces.ts";
import { flagsOf } from "./flags.ts";
import { inspectInput } from "./probe-input.ts";
import { namedOptions, readCertificate } from "./request.ts";
import { listenForSignals } from "./signals.ts";

/** How long a live stream is watched when nothing is said about it, in ms. */
const DEFAULT_WATCH_MS = 5000;

/** Runs the command; returns the exit code. Throws UsageError, and what the source throws. */
export async function runProbeCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const args = parseArgs(argv, flagsOf("probe"), process.env);
  const [text, ...more] = [...(args.values.get("rtmp") ?? []), ...args.positionals];
  if (more.length > 0) throw new UsageError("probe looks at one URL or file at a time");
  if (text === undefined) throw new UsageError("probe needs a URL or a file: runnel probe URL|FILE");
  const { source, timeout } = parseSource(text, namedOptions(args));
  if (source.kind === "listen" || source.kind === "testcard" || source.kind === "capture") {
    throw new UsageError("probe looks at a URL or a file");
  }
  if (source.kind === "file") requireFile(source.path);
  const faces = makeFaces(terminal, args, { mediaOnStdout: false });
  faces.terminal.hide(secretsOfPlan(source, [], []));
  const probe = new StreamProbe();
  const enough = new AbortController();
  using signals = listenForSignals({ onStatistics: () => {} });
  signals.stop.addEventListener("abort", () => enough.abort(), { once: true });
  const bytes = source.kind === "file" || source.kind === "stdin";
  const watch = sayingVariables(args, () => duration(args, "for")) ?? (bytes ? undefined : DEFAULT_WATCH_MS);
  const onFirst = (): void => {
    if (watch !== undefined) void sleep(watch, enough.signal).then(() => enough.abort());
  };
  const ingest = new Ingest(new Hub(), onFirst, {
    tap: (packet, timestamp) => probe.push(packet, timestamp),
  });
  if (source.kind === "file" || source.kind === "stdin") {
    const path = source.kind === "file" ? source.path : undefined;
    const inspection = await inspectInput(path, ingest, enough.signal);
    return show(faces, path ?? "stdin", probe, { inspection, path });
  }
  const given = sayingVariables(args, () => duration(args, "stall") ?? timeoutSeconds(args));
  const stall = given ?? timeout ?? DEFAULT_STALL_MS;
  const input = await makeSource(
    { source, net: netOf(args, stall), retry: DEFAULT_RETRY, realtime: false, loop: false },
    NO_FOURCCS,
    (event) => {
      if (event.event === "trace") faces.log.withTag(event.name).debug(event.text);
    },
  );
  await input.run(ingest, enough.signal);
  return show(faces, input.name, probe, undefined);
}

/** What was found in a file; `path` is undefined for a pipe. */
type Looked = { readonly inspection: Inspection; readonly path: string | undefined };

function netOf(args: Args, stall: number): ReturnType<typeof netPlan> {
  return netPlan(
    {
      ca: readCertificate(args.values.get("ca")?.[0]),
      insecure: (args.counts.get("insecure") ?? 0) > 0,
      bind: args.values.get("bind")?.[0],
    },
    stall,
  );
}

/** Says what was seen; gives the exit code: 3 for a file that has lost something or whose clock is out of order. */
function show(faces: Faces, name: string, probe: StreamProbe, looked: Looked | undefined): number {
  const { inspection, path } = looked ?? {};
  const report = probe.report();
  const rows = formatProbe(report);
  if (inspection !== undefined && report.tracks.length > 0) {
    rows.push(...formatInspection(inspection, path === undefined ? undefined : repairCommand(path)));
  }
  if (faces.json !== undefined) faces.json(JSON.stringify({ source: name, ...report, file: inspection }));
  else for (const line of [name, ...rows.map((row) => `  ${row}`)]) faces.terminal.out(line);
  if (report.tracks.length === 0) return inspection === undefined ? ExitCode.neverLive : ExitCode.incomplete;
  return inspection?.damaged === true ? ExitCode.incomplete : ExitCode.done;
}

/** As a shell takes it. */
function repairCommand(path: string): string {
  const plain = /^[\w./][\w./-]*$/.test(path);
  return `runnel repair ${plain ? path : `'${path.replaceAll("'", `'\\''`)}'`}`;
}

function duration(args: Args, flag: string): number | undefined {
  const text = args.values.get(flag)?.[0];
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (isProblem(ms)) throw new UsageError({ flag: `--${flag}`, ...ms });
  return ms;
}

/** rtmpdump's --timeout, in ms. */
function timeoutSeconds(args: Args): number | undefined {
  const text = args.values.get("timeout")?.[0];
  if (text === undefined) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : 0;
  if (ms > 0) return ms;
  throw new UsageError({ flag: "--timeout", value: text, what: "is no number of seconds" });
}
