/**
 * A network that has a bad day between the program and its peers: bytes one at a time, a line that falls to a tenth,
 * delays, connections that stay open and carry nothing, and ports that come and go.
 */
import { describe, expect, test } from "bun:test";
import { until } from "../support/ports.ts";
import { Proxy } from "../support/proxy.ts";
import { tidy } from "../support/tidy.ts";
import { Destination, LiveSource, type SourceOptions } from "./peers.ts";
import { ending, MOST_MEMORY, QUICK, Run } from "./relay.ts";
import { type Look, partProblems, wholeProblems } from "./stream.ts";

tidy();

const ENOUGH = 25;
/** About 5 Mbit/s. */
const STEADY: Look = { videoBytes: 25_000, audioBytes: 300, codec: "avc" };
const TENTH = 62_000;
/** So much that the kernel's buffers on the way are full within seconds. */
const TORRENT: Look = { videoBytes: 100_000, audioBytes: 300, codec: "avc" };

/** 60 Mbit/s: what a line is late with after some seconds is more than a destination's queue and the kernel hold. */
const FLOOD: Look = { videoBytes: 300_000, audioBytes: 300, codec: "avc" };
const FLOOD_RATE = 7_500_000;
const DIP_MS = 6000;

/** QUICK with another --stall. */
const patient = (stall: string): string[] => [...QUICK.slice(0, -1), stall];

/** Everything on this network: the source's line, a bad destination's line, and a good destination without one. */
class Net implements AsyncDisposable {
  readonly source: LiveSource;
  readonly bad = new Destination();
  readonly good = new Destination();
  up!: Proxy;
  down!: Proxy;
  run!: Run;

  private constructor(options: SourceOptions) {
    this.source = new LiveSource(options);
  }

  /** Starts a relay over this network. */
  static async start(options: SourceOptions = {}, flags: readonly string[] = QUICK): Promise<Net> {
    const net = new Net(options);
    net.up = await Proxy.start(net.source.port);
    net.down = await Proxy.start(net.bad.port);
    const to = ["-t", `bad=rtmp://127.0.0.1:${net.down.port}/live/show`, "-t", `good=${net.good.url()}`];
    const url = `rtmp://127.0.0.1:${net.up.port}/live/show`;
    net.run = await Run.start(["relay", url, ...to, "-o", "rec.flv", ...flags]);
    return net;
  }

  /** Waits until the bad destination is live, too. */
  ready(): Promise<void> {
    return this.run.until("frames at the bad destination", () => this.bad.frames > 0);
  }

  /** Waits until the good destination has taken `count` more video frames. */
  async flows(count = ENOUGH): Promise<void> {
    const from = this.good.frames;
    await this.run.until(`${count} more frames`, () => this.good.frames >= from + count, 40_000);
  }

  /** Ends the stream and checks that recording and good destination are whole, and the bad one's sessions sound. */
  async end(): Promise<string> {
    this.up.weather();
    this.down.weather();
    this.source.end();
    const result = await this.run.child.finished;
    const { sessions } = this.source;
    expect(wholeProblems(await this.run.recorded(), sessions)).toEqual([]);
    expect(this.good.sessions).toHaveLength(1);
    expect(wholeProblems(this.good.got, sessions)).toEqual([]);
    for (const { got } of this.bad.sessions) expect(partProblems(got, sessions)).toEqual([]);
    expect(await this.run.memory).toBeLessThan(MOST_MEMORY);
    return ending(result);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run.child.stop();
    for (const one of [this.up, this.down, this.source, this.bad, this.good]) one[Symbol.dispose]();
  }
}

describe.concurrent("the source's line", () => {
  test("carries one byte at a time", async () => {
    const look: Look = { videoBytes: 60, audioBytes: 20, codec: "avc" };
    await using net = await Net.start({ look }, patient("8s"));
    net.up.weather({ single: true });
    await net.flows(50);
    expect(await net.end()).toStartWith("0 done:");
  });

  test("falls to a tenth for some seconds: late, but all of it arrives", async () => {
    await using net = await Net.start({ look: STEADY });
    await net.flows();
    net.up.weather({ rate: TENTH });
    await net.flows(10);
    net.up.weather();
    await net.run.until("what had waited", () => net.good.frames > net.source.sent / 4, 20_000);
    await net.flows(50);
    expect(await net.end()).toStartWith("0 done:");
    expect(net.bad.sessions).toHaveLength(1);
  });

  test("has spikes of latency", async () => {
    await using net = await Net.start();
    for (const delay of [300, 0, 600, 50, 800, 0]) {
      net.up.weather({ delay });
      await net.flows(15);
    }
    expect(await net.end()).toStartWith("0 done:");
    expect(net.source.sessions).toHaveLength(1);
  });

  test("stays open and carries nothing: dialled anew after --stall", async () => {
    await using net = await Net.start();
    await net.flows();
    net.source.current!.session.sureUntil = performance.now() - 200;
    net.up.weather({ frozen: true });
    await net.run.until("another connection", () => net.up.connections >= 2);
    net.up.weather();
    await net.flows(50);
    expect(await net.end()).toMatch(/^3 incomplete:.*1 gap/);
  });

  test("is cut, and the port refuses for a while", async () => {
    await using net = await Net.start();
    await net.flows();
    net.source.current!.session.sureUntil = performance.now() - 400;
    net.up.refuse(true);
    net.up.reset();
    await net.run.until("five attempts", () => net.up.connections >= 6);
    net.up.refuse(false);
    await net.flows(50);
    expect(await net.end()).toMatch(/^3 incomplete:.*1 gap/);
  });
});

test("a source's line falls to a tenth and comes back: a destination that takes it more slowly gets all of it", async () => {
  await using net = await Net.start({ look: FLOOD }, patient("8s"));
  net.down.weather({ rate: 4 * FLOOD_RATE });
  await net.ready();
  await net.flows();
  net.up.weather({ rate: FLOOD_RATE / 10 });
  const from = performance.now();
  await net.run.until("the end of the dip", () => performance.now() - from >= DIP_MS);
  net.up.weather();
  const late = net.source.current!.session.frames.filter(({ kind }) => kind === "video").length;
  await net.run.until("what had waited", () => Math.min(net.good.frames, net.bad.frames) > late, 40_000);
  expect(await net.end()).toStartWith("0 done:");
  await until("the last frames", () => net.bad.frames === net.good.frames);
  expect(net.bad.sessions).toHaveLength(1);
  expect(wholeProblems(net.bad.got, net.source.sessions)).toEqual([]);
}, 90_000);

describe.concurrent("a destination's line", () => {
  test("carries one byte at a time: that destination skips to keyframes, nobody else notices", async () => {
    await using net = await Net.start({ look: STEADY });
    net.down.weather({ single: true });
    await net.flows(60);
    expect(await net.end()).toMatch(/^[03] /);
  });

  test("falls to a tenth and comes back: whole GOPs are left out, then all is as before", async () => {
    await using net = await Net.start({ look: TORRENT }, patient("8s"));
    await net.ready();
    await net.flows();
    net.down.weather({ rate: 4 * TENTH });
    await net.run.until("a skip", () => /skipped/.test(net.run.child.stderr), 40_000);
    net.down.weather();
    const before = net.bad.frames;
    await net.run.until("its recovery", () => net.bad.frames > before + 60);
    expect(await net.end()).toMatch(/^3 incomplete:.*bad skipped/);
  });

  test("has spikes of latency: nothing is lost", async () => {
    await using net = await Net.start();
    await net.ready();
    for (const delay of [300, 0, 600, 50, 800, 0]) {
      net.down.weather({ delay });
      await net.flows(15);
    }
    expect(await net.end()).toStartWith("0 done:");
    expect(wholeProblems(net.bad.got, net.source.sessions)).toEqual([]);
  });

  test("stays open and carries nothing: dropped after --stall and dialled anew", async () => {
    await using net = await Net.start({ look: STEADY });
    await net.ready();
    await net.flows();
    net.down.weather({ frozen: true });
    await net.run.until("another connection", () => net.down.connections >= 2, 40_000);
    net.down.weather();
    await net.run.until("its return", () => net.bad.sessions.length >= 2 && net.bad.got.length > 60);
    expect(await net.end()).toMatch(/^3 incomplete:.*bad down/);
  });

  test("is cut again and again, and refuses for a while", async () => {
    await using net = await Net.start();
    await net.ready();
    await net.flows();
    for (let cut = 1; cut <= 3; cut++) {
      net.down.refuse(true);
      net.down.reset();
      await net.run.until("attempts", () => net.down.connections >= 3 * cut);
      net.down.refuse(false);
      await net.run.until("its return", () => net.bad.sessions.length > cut && net.bad.got.length > 60);
    }
    expect(await net.end()).toMatch(/^[03] /);
  });
});
