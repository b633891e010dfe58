/**
 * `runnel probe`: watches a stream for a while, or reads a file to its end, and says what it holds.
 */

import { UsageError } from "../errors.ts";
import { ExitCode } from "../face/exit.ts";
import { formatProbe } from "../media/probe-text.ts";
import { StreamProbe } from "../media/probe.ts";
import { Hub } from "../pipeline/hub.ts";
import { Ingest } from "../pipeline/ingest.ts";
import { makeSource } from "../pipeline/registry.ts";
import { parseSource, secretsOf } from "../recipe/addresses.ts";
import { DEFAULT_STALL_MS } from "../recipe/defaults.ts";
import { netPlan } from "../recipe/from-flags.ts";
import { NO_FOURCCS } from "../rtmp/connect.ts";
import { isProblem, parseDuration } from "../recipe/units.ts";
import { parseArgs, type Args } from "./args.ts";
import { requireFile } from "./check-paths.ts";
import { makeFaces } from "./faces.ts";
import { flagsOf } from "./flags.ts";
import { namedOptions, readCertificate } from "./request.ts";
import { listenForSignals } from "./signals.ts";

/** How long a live stream is watched when nothing is said about it, in ms. */
const DEFAULT_WATCH_MS = 5000;

/** Runs the command; returns the exit code. Throws UsageError, and what the source throws. */
export async function runProbeCommand(argv: readonly string[]): Promise<number> {
  const args = parseArgs(argv, flagsOf("probe"), process.env);
  const text = args.values.get("rtmp")?.[0] ?? args.positionals[0];
  if (text === undefined) throw new UsageError("probe needs a URL or a file: runnel probe URL|FILE");
  const { source, timeout } = parseSource(text, namedOptions(args));
  if (source.kind === "listen" || source.kind === "testcard") {
    throw new UsageError("probe looks at a URL or a file");
  }
  if (source.kind === "file") requireFile(source.path);
  const stall = duration(args, "stall") ?? timeout ?? DEFAULT_STALL_MS;
  const watch = duration(args, "for") ?? DEFAULT_WATCH_MS;
  const net = netPlan(
    {
      ca: readCertificate(args.values.get("ca")?.[0]),
      insecure: (args.counts.get("insecure") ?? 0) > 0,
      bind: args.values.get("bind")?.[0],
    },
    stall,
  );
  const faces = makeFaces(args, { mediaOnStdout: false });
  if (source.kind === "rtmp") faces.terminal.hide(secretsOf(source.url, { nameIsSecret: false }));
  const live = source.kind === "rtmp" || source.kind === "http";
  const input = makeSource({ source, net, realtime: false, loop: false }, NO_FOURCCS, (event) => {
    if (event.event === "trace") faces.log.withTag(event.name).debug(event.text);
  });
  const probe = new StreamProbe();
  const enough = new AbortController();
  using signals = listenForSignals({ onStatistics: () => {} });
  signals.stop.addEventListener("abort", () => enough.abort(), { once: true });
  const onFirst = (): void => {
    if (live) setTimeout(() => enough.abort(), watch);
  };
  const ingest = new Ingest(new Hub(), onFirst, {
    tap: (packet, timestamp) => probe.push(packet, timestamp),
  });
  await input.run(ingest, enough.signal);
  const report = probe.report();
  if (faces.json !== undefined) faces.json(JSON.stringify({ source: input.name, ...report }));
  else
    for (const line of [input.name, ...formatProbe(report).map((row) => `  ${row}`)])
      faces.terminal.out(line);
  return report.tracks.length === 0 ? ExitCode.neverLive : ExitCode.done;
}

function duration(args: Args, flag: string): number | undefined {
  const text = args.values.get(flag)?.[0];
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (isProblem(ms)) throw new UsageError(`--${flag}: ${ms.problem}`);
  return ms;
}
