/**
 * Everything at once: a source and three destinations whose lines and servers fail at random, beside a destination and
 * a recording that must not notice. What happens when comes from a seed: the same seed gives the same schedule, and
 * the same faults to the same connections. Used by storm.test.ts for a minute and by soak.ts for five.
 */
import { pick, randomBytes, type Random, seededRandom } from "../support/mutate.ts";
import { Proxy } from "../support/proxy.ts";
import type { Peer } from "../support/rtmp-server.ts";
import { type Act, Destination, IN_FLIGHT_MS, LiveSource } from "./peers.ts";
import { ending, MOST_MEMORY, Run } from "./relay.ts";
import { type Look, partProblems, wholeProblems } from "./stream.ts";

/** What became of a storm. `problems` is empty if all was well. */
export type StormReport = { problems: string[]; told: string[] };

/** About 2 Mbit/s. */
const LOOK: Look = { videoBytes: 9000, audioBytes: 200, codec: "avc" };
const DESTINATIONS = ["first", "second", "third"];
const FLAGS = [
  "--retry-min",
  "50ms",
  "--retry-max",
  "500ms",
  "--stall",
  "2s",
  "--grace",
  "1h",
  "--wait",
  "1h",
  "--for",
  "1h",
];
/** Between two events, in ms. */
const [SHORTEST_PAUSE, LONGEST_PAUSE] = [100, 1200];
/** How long bytes may be under way on a line with the worst delay, in ms. */
const WORST_DELAY = 800;

/** What can happen to a line, with how long it lasts (ms). */
const LINE_FAULTS = ["reset", "close", "refuse", "freeze", "delay", "tenth", "single"] as const;
type LineFault = (typeof LINE_FAULTS)[number];
type Event = { at: number; line: string; fault: LineFault; ms: number };

/** A line of this storm; `until` is when its weather is fair again. */
type Line = { name: string; proxy: Proxy; until: number; roughSince: number };

/** A schedule for people. */
export function formatSchedule(events: readonly Event[]): string {
  return events.map(({ at, line, fault, ms }) => `${at} ${line} ${fault} ${ms}`).join("; ");
}

/** The schedule of a seed. */
export function scheduleOf(seed: number, seconds: number): Event[] {
  const random = seededRandom(seed);
  const events: Event[] = [];
  for (let at = 1500; at < seconds * 1000;) {
    // The source gets as many as any destination.
    const line = ["source", ...DESTINATIONS][pick(random, DESTINATIONS.length + 1)]!;
    const fault = LINE_FAULTS[pick(random, LINE_FAULTS.length)]!;
    events.push({ at, line, fault, ms: 200 + pick(random, 3800) });
    at += SHORTEST_PAUSE + pick(random, LONGEST_PAUSE - SHORTEST_PAUSE);
  }
  return events;
}

/** What a server does to one of its connections, by seed, name, connection and phase. */
function moody(seed: number, name: string): Act {
  return (phase, peer, connection) => {
    const random = seededRandom(seed ^ Number(Bun.hash(`${name}/${connection}/${phase}`) & 0xffffffffn));
    // A source that refuses before it was ever live is given up, as it should be: not today.
    if (random() > 0.12 || (name === "source" && connection === 0)) return;
    misbehave(peer, random);
    return "mine";
  };
}

function misbehave(peer: Peer, random: Random): void {
  const way = pick(random, 4);
  if (way === 0) peer.socket.terminate();
  else if (way === 1) peer.leave();
  else if (way === 2) peer.send(randomBytes(100 + pick(random, 5000), pick(random, 1000)));
  // Else silence.
}

function strike(line: Line, { fault, ms }: Event): void {
  const { proxy } = line;
  const now = performance.now();
  switch (fault) {
    case "reset":
      return proxy.reset();
    case "close":
      return proxy.close();
    case "refuse":
      proxy.refuse(true);
      proxy.reset();
      break;
    case "freeze":
      proxy.weather({ frozen: true });
      break;
    case "delay":
      proxy.weather({ delay: ms % WORST_DELAY });
      break;
    case "tenth":
      proxy.weather({ rate: 25_000 });
      break;
    case "single":
      proxy.weather({ single: true });
      break;
  }
  if (line.until < now) line.roughSince = now;
  line.until = Math.max(line.until, now + ms);
}

function calm(line: Line): void {
  line.proxy.weather();
  line.proxy.refuse(false);
}

/** Until when frames of the source have certainly arrived, when its line is struck now. */
function sureUntil(line: Line): number {
  const now = performance.now();
  const rough = now < line.until + 2 * WORST_DELAY;
  return (rough ? Math.min(now, line.roughSince) : now) - IN_FLIGHT_MS;
}

class Storm {
  readonly source: LiveSource;
  readonly good = new Destination();
  readonly bad: Destination[];
  lines: Line[] = [];
  run!: Run;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
    const act = moody(seed, "source");
    this.source = new LiveSource({ act, look: LOOK, begin: (session) => (session % 3) * 1_000_000 });
    this.bad = DESTINATIONS.map((name) => new Destination({ act: moody(seed, name) }));
  }

  async begin(seconds: number): Promise<void> {
    const ports = [this.source.port, ...this.bad.map((one) => one.port)];
    for (const [i, name] of ["source", ...DESTINATIONS].entries())
      this.lines.push({ name, proxy: await Proxy.start(ports[i]!), until: 0, roughSince: 0 });
    const [up, ...down] = this.lines;
    const url = (line: Line): string => `rtmp://127.0.0.1:${line.proxy.port}/live/show`;
    const to = down.flatMap((line) => ["-t", `${line.name}=${url(line)}`]);
    const argv = ["relay", url(up!), ...to, "-t", `good=${this.good.url()}`, "-o", "rec.flv", ...FLAGS];
    this.run = await Run.start(argv, (seconds + 120) * 1000);
  }

  async rage(events: readonly Event[]): Promise<void> {
    const start = performance.now();
    for (const event of events) {
      await this.#waitUntil(start + event.at);
      const line = this.lines.find(({ name }) => name === event.line)!;
      if (event.line === "source") this.#noteSource(line);
      strike(line, event);
    }
    await this.#waitUntil(Math.max(...this.lines.map((line) => line.until)));
  }

  /** Fair weather: everybody comes back, and then the stream ends in good order. */
  async settle(): Promise<void> {
    for (const line of this.lines) calm(line);
    const frames = this.bad.map((one) => one.frames);
    const back = (): boolean =>
      this.good.frames > 0 && this.bad.every((one, i) => one.frames > frames[i]! + 50);
    await this.run.until("everybody to be back", back, 60_000);
    this.source.end();
    await this.run.child.says("ended: ");
    this.run.child.signal("SIGINT");
  }

  #noteSource(line: Line): void {
    const session = this.source.current?.session;
    if (session !== undefined) session.sureUntil = Math.min(session.sureUntil, sureUntil(line));
  }

  async #waitUntil(time: number): Promise<void> {
    while (performance.now() < time) {
      if (this.run.child.ended) throw new Error(`it ended too early:\n${this.run.child.stderr.slice(-2000)}`);
      await Bun.sleep(Math.min(50, Math.max(1, time - performance.now())));
      for (const line of this.lines) if (line.until < performance.now()) calm(line);
    }
  }

  async judge(): Promise<StormReport> {
    const result = await this.run.child.finished;
    const { sessions } = this.source;
    const recorded = await this.run.recorded();
    const memory = await this.run.memory;
    const named = (name: string, problems: string[]): string[] => problems.map((text) => `${name}: ${text}`);
    const problems = [
      ...named("recording", wholeProblems(recorded, sessions)),
      ...named("good", wholeProblems(this.good.got, sessions)),
      ...this.bad.flatMap(({ sessions: taken }, i) =>
        taken.flatMap(({ got }, n) => named(`${DESTINATIONS[i]} ${n}`, partProblems(got, sessions))),
      ),
    ];
    if (this.good.sessions.length !== 1) problems.push(`good had ${this.good.sessions.length} sessions`);
    if (this.run.recordings().length !== 1) problems.push(`${this.run.recordings().length} recordings`);
    if (memory > MOST_MEMORY) problems.push(`${Math.round(memory / 2 ** 20)} MiB`);
    if (!/^3 incomplete: .* in 1 file/.test(ending(result))) problems.push(`ended: ${ending(result)}`);
    if (problems.length > 0) problems.push(`it said:\n${result.stderr.slice(-4000)}`);
    const told = [
      `seed ${this.#seed}: ${sessions.length} sessions of the source, ${this.source.sent} frames`,
      ...this.bad.map(
        (one, i) => `${DESTINATIONS[i]}: ${one.connections} connections, ${one.sessions.length} sessions`,
      ),
      `peak memory ${Math.round(memory / 2 ** 20)} MiB`,
      ending(result),
    ];
    return { problems, told };
  }

  async stop(): Promise<void> {
    await this.run.child.stop();
    for (const one of [...this.lines.map((line) => line.proxy), this.source, this.good, ...this.bad])
      one[Symbol.dispose]();
  }
}

/** Runs a storm of a seed and says what became of it. */
export async function runStorm(seed: number, seconds: number): Promise<StormReport> {
  const storm = new Storm(seed);
  try {
    await storm.begin(seconds);
    await storm.rage(scheduleOf(seed, seconds));
    await storm.settle();
    return await storm.judge();
  } finally {
    await storm.stop();
  }
}
