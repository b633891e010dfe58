/** One run of one contestant at one work, with fresh servers in processes of their own. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { freePort, until, untilListening } from "../support/ports.ts";
import { type Child, start } from "../support/process.ts";
import type { Authority } from "../support/tls.ts";
import type { Contestant, Place } from "./contestants.ts";
import { measure, together } from "./measure.ts";
import { payloadOfFile } from "./media.ts";
import { settle } from "./settle.ts";
import type { Result, Work } from "./works.ts";

/** What all runs share. `longPayload` is the media in the file that is pushed. */
export type Setting = {
  dir: string;
  binary: string;
  show: string;
  lightShow: string;
  longPayload: number;
  authority: Authority | undefined;
};

type SourceLine = { hello: number; payload: number; marked: number };
type SinkLine = { payload: number; marked: number; first: number; delays: number[] };

const LONGEST_RUN = 170_000;

async function server(file: string, ...args: string[]): Promise<{ port: number; child: Child }> {
  const argv = [process.execPath, join(import.meta.dir, file), ...args];
  const child = start(argv, { timeout: LONGEST_RUN + 20_000 });
  const port = await until(`${file} names its port`, () => /^\d+$/m.exec(child.stdout)?.[0]);
  return { port: Number(port), child };
}

function lines<T>(child: Child | undefined): T[] {
  const all = child?.stdout.split("\n") ?? [];
  return all.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as T);
}

/** Runs it, and tells what it cost and how much arrived. */
export async function once(setting: Setting, work: Work, contestant: Contestant): Promise<Result> {
  const show = work.light ? setting.lightShow : setting.show;
  const amount = String(work.source?.amount);
  const fed = contestant.fed === true;
  const source =
    work.source === undefined || fed
      ? undefined
      : await server("flood-server.ts", show, work.source.mode, amount);
  const tls = work.tls ? [setting.authority!.certificate, setting.authority!.key] : [];
  const sink = work.sinks === 0 ? undefined : await server("sink-server.ts", ...tls);
  const place = await makePlace(setting, work, source?.port ?? 0, sink?.port ?? 0);
  const copies = work.sinks * work.streams;
  const ended = until(
    "every sink loses its publisher",
    () => lines(sink?.child).length >= copies,
    LONGEST_RUN,
  );
  ended.catch(() => {});
  if (contestant.file !== undefined) await settle();
  const running = contestant
    .commands(place)
    .map((argv) => measure({ name: contestant.name, argv, endless: fed }, ended));
  let feed: Child | undefined;
  if (fed) {
    await untilListening(place.nginxPort);
    const args = [show, amount, String(place.nginxPort), String(work.streams)];
    feed = start([process.execPath, join(import.meta.dir, "feed.ts"), ...args], { timeout: LONGEST_RUN });
  }
  const measured = together(await Promise.all(running));
  if (sink !== undefined) {
    const told = () => lines(sink.child).length >= copies;
    await until("the sinks count", told, 5_000).catch(() => {});
  }
  const sources = lines<SourceLine>(source?.child ?? feed);
  const sinks = lines<SinkLine>(sink?.child);
  await Promise.all([source?.child.stop(), sink?.child.stop(), feed?.stop()]);
  const came = contestant.file === undefined ? undefined : await takeFile(contestant.file);
  return {
    ...measured,
    arrived: share(work, sources, sinks, came, setting.longPayload),
    hello: Math.min(...sources.map(({ hello }) => hello)) - measured.begun,
    firstMedia: Math.min(...sinks.map(({ first }) => first)) - measured.begun,
    delays: sinks.flatMap(({ delays }) => delays.map((us) => us / 1_000)),
  };
}

async function makePlace(setting: Setting, work: Work, sourcePort: number, sinkPort: number): Promise<Place> {
  const scheme = work.tls ? "rtmps" : "rtmp";
  const host = work.tls ? "localhost" : "127.0.0.1";
  const name = (i: number) => `s${i}`;
  return {
    ...{ dir: setting.dir, binary: setting.binary, sourcePort, sinkPort, nginxPort: await freePort() },
    sources: Array.from({ length: work.streams }, (_, i) => `rtmp://127.0.0.1:${sourcePort}/live/${name(i)}`),
    sinks: Array.from(
      { length: work.sinks * work.streams },
      (_, i) => `${scheme}://${host}:${sinkPort}/live/${name(i)}`,
    ),
  };
}

async function takeFile(file: string): Promise<number> {
  const payload = await payloadOfFile(file).catch(() => 0);
  rmSync(file, { force: true });
  return payload;
}

/** The share of the stream that arrived where least of it did; 1 is all. */
function share(
  work: Work,
  sources: readonly SourceLine[],
  sinks: readonly SinkLine[],
  file: number | undefined,
  longPayload: number,
): number {
  const sent = sources[0];
  if (file !== undefined) return file / (sent?.payload ?? Number.NaN);
  if (sinks.length < work.sinks * work.streams) return 0;
  if (work.source?.mode === "paced") {
    const marked = Math.max(...sources.map((line) => line.marked));
    return Math.min(...sinks.map((line) => line.marked)) / marked;
  }
  const all = work.source === undefined ? longPayload : (sent?.payload ?? Number.NaN);
  return Math.min(...sinks.map((line) => line.payload)) / all;
}
