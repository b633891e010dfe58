/**
 * Publishers that come to `listen:` and fail, in each phase and in every way: they harm neither the publisher that is
 * live nor the next one, and what the good ones sent arrives whole.
 */
import { describe, expect, test } from "bun:test";
import { freePort, until, untilBound } from "../support/ports.ts";
import { randomBytes } from "../support/mutate.ts";
import { Proxy } from "../support/proxy.ts";
import { WireClient } from "../support/rtmp-client.ts";
import { tidy } from "../support/tidy.ts";
import { CHUNK, Destination, framed, IN_FLIGHT_MS, type Line, SessionRun } from "./peers.ts";
import { ending, MOST_MEMORY, QUICK, Run } from "./relay.ts";
import { type SourceSession, wholeProblems } from "./stream.ts";

tidy();

const KEY = "sEcReT";
const ENOUGH = 60;

type Publisher = SessionRun<Line & { readonly client: WireClient }>;

/** A relay that listens, with a destination and a recording, and those who publish to it. */
class Door implements AsyncDisposable {
  readonly good = new Destination();
  readonly sessions: SourceSession[] = [];
  port = 0;
  run!: Run;
  #runs: Publisher[] = [];

  static async open(): Promise<Door> {
    const door = new Door();
    door.port = await freePort();
    const address = `listen:127.0.0.1:${door.port}/live/${KEY}`;
    door.run = await Run.start(["relay", address, door.good.url(), "-o", "rec.flv", ...QUICK]);
    await untilBound(door.port);
    return door;
  }

  /** Publishes from now on; it may take a while until the one before is known to be gone. */
  async publish(port = this.port): Promise<Publisher> {
    const client = await until("the door lets a publisher in", () => this.#comeIn(port), 20_000);
    client.setChunkSize(CHUNK);
    const session: SourceSession = { number: this.sessions.length, frames: [], sureUntil: Infinity };
    this.sessions.push(session);
    const run = new SessionRun(session, {
      client,
      get gone() {
        return client.gone;
      },
      message: (type, timestamp, payload) => client.send(framed(type, timestamp, payload)),
    });
    this.#runs.push(run);
    return run;
  }

  async #comeIn(port: number): Promise<WireClient | undefined> {
    const client = await WireClient.publishing(port, "live", KEY);
    await client.hears(/NetStream\.Publish\.(Start|BadName)/, 20_000);
    if (client.heard("NetStream.Publish.Start")) return client;
    client[Symbol.dispose]();
    return undefined;
  }

  /** Waits until so many frames of a publisher have left. */
  async flows(run: Publisher, count = ENOUGH): Promise<void> {
    await this.run.until(`${count} frames of a publisher`, () => run.sent >= count);
  }

  /** Ends the last publisher in good order and the relay after it; what they sent must be whole. */
  async end(): Promise<string> {
    const last = this.#runs.at(-1)!;
    last.hush();
    await last.line.client.unpublish(KEY);
    await this.run.child.says("ended: the publisher");
    const result = await this.run.interrupt();
    expect(wholeProblems(await this.run.recorded(), this.sessions)).toEqual([]);
    expect(this.good.sessions).toHaveLength(1);
    expect(wholeProblems(this.good.got, this.sessions)).toEqual([]);
    expect(await this.run.memory).toBeLessThan(MOST_MEMORY);
    expect(result.stderr).not.toContain(KEY);
    return ending(result);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const run of this.#runs) {
      run.hush();
      run.line.client[Symbol.dispose]();
    }
    await this.run.child.stop();
    this.good[Symbol.dispose]();
  }
}

const FAULTS: Readonly<Record<string, (client: WireClient) => void>> = {
  "is reset": ({ socket }) => void socket.resetAndDestroy(),
  "is half closed": ({ socket }) => void socket.end(),
  "falls silent": () => {},
  "brings garbage": (client) => client.send(randomBytes(6000, 9)),
};

/** How far a client has come, and how it gets there. */
const PHASES: Readonly<Record<string, (port: number) => Promise<WireClient>>> = {
  "at the door": (port) => WireClient.open(port),
  "in the middle of its handshake": async (port) => {
    const client = await WireClient.open(port);
    client.send(Buffer.concat([Buffer.from([3]), Buffer.alloc(700)]));
    return client;
  },
  "after the handshake": (port) => WireClient.shaken(port),
  "after connect": (port) => WireClient.connected(port, "live"),
  "after createStream": async (port) => {
    const client = await WireClient.connected(port, "live");
    client.command(0, "createStream", 2, null);
    return client;
  },
  "in the middle of a command": async (port) => {
    const client = await WireClient.connected(port, "live");
    client.send(Buffer.from("030000000000ff1400000000", "hex"));
    return client;
  },
};

describe.concurrent("a publisher", () => {
  test("that is live does not notice others that fail in any phase and any way", async () => {
    await using door = await Door.open();
    const live = await door.publish();
    const others: WireClient[] = [];
    for (const arrive of Object.values(PHASES))
      for (const act of Object.values(FAULTS)) {
        const client = await arrive(door.port);
        others.push(client);
        act(client);
      }
    await door.flows(live, live.sent + ENOUGH);
    for (const client of others) client[Symbol.dispose]();
    expect(await door.end()).toStartWith("0 stopped:");
  });

  test.each(Object.keys(FAULTS))(
    "that %s in the middle of the stream is followed by the next",
    async (fault) => {
      await using door = await Door.open();
      const first = await door.publish();
      await door.flows(first);
      await door.run.until("frames at the destination", () => door.good.frames > 0);
      first.hush();
      if (fault === "is reset") first.session.sureUntil = performance.now() - IN_FLIGHT_MS;
      FAULTS[fault]!(first.line.client);
      const second = await door.publish();
      await door.flows(second);
      expect(await door.end()).toMatch(/^3 incomplete:.*1 gap/);
    },
  );

  test("whose line stays open and carries nothing is followed by the next", async () => {
    await using door = await Door.open();
    using line = await Proxy.start(door.port);
    const first = await door.publish(line.port);
    await door.flows(first);
    await door.run.until("frames at the destination", () => door.good.frames > 0);
    first.session.sureUntil = performance.now() - IN_FLIGHT_MS;
    line.weather({ frozen: true });
    const second = await door.publish();
    first.hush();
    await door.flows(second);
    expect(await door.end()).toMatch(/^3 incomplete:.*1 gap/);
  });

  test("whose line carries one byte at a time is late, and whole", async () => {
    await using door = await Door.open();
    using line = await Proxy.start(door.port);
    line.weather({ single: true });
    const only = await door.publish(line.port);
    await door.flows(only);
    only.hush();
    line.weather();
    expect(await door.end()).toStartWith("0 stopped:");
  });
});
