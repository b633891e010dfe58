/**
 * A relay from one server to SINKS others, a whole job from the plan of a command line on, over connections in memory
 * that take everything at once: for tests that count what a message costs.
 */
import { runJob } from "../../src/pipeline/job.ts";
import { makeParts } from "../../src/pipeline/registry.ts";
import { planOf } from "./command-line.ts";
import { MemoryNet } from "./memory-net.ts";
import { packets } from "./packets.ts";
import { until } from "./ports.ts";
import { controlBytes, frame, u32 } from "./rtmp-wire.ts";

const SINKS = 4;
const CHUNK_SIZE = 4096;
const PLAYED = 1000;
/** The port of the destinations. */
export const PUBLISHED = 2000;

/** A message of the source; `timestamp` in ms. */
export type Message = { type: number; timestamp: number; payload: Uint8Array };

/** How many messages a GOP has. */
export const GOP = 30;

/** GOPs after the headers: frames of `size` bytes, sound between them. */
export function messages(count: number, size: number, from: number): Message[] {
  const words = Array.from({ length: count }, (_, i) => {
    const time = from + i * 20;
    if (i % 3 === 2) return `a${time}*200`;
    return `${i % GOP === 0 ? "K" : "f"}${time}*${size}`;
  });
  const all = packets(`${from === 0 ? "V1 A1 " : ""}${words.join(" ")}`);
  return all.map(({ kind, dts, body }) => ({
    type: kind === "video" ? 9 : 8,
    timestamp: dts,
    payload: body,
  }));
}

/** A message in chunks, as the source sends it. */
export function framed({ type, timestamp, payload }: Message): Buffer {
  return frame(type === 9 ? 6 : 4, { type, streamId: 1, timestamp, payload }, CHUNK_SIZE);
}

/** A relay from one server to SINKS others, all in memory. */
export async function relay(
  work: (give: (segment: Uint8Array) => void, net: MemoryNet) => Promise<void>,
  flags = "",
): Promise<void> {
  let published = 0;
  let playing = false;
  using net = new MemoryNet({
    play: () => (playing = true),
    publish: (peer) => {
      peer.discard = true;
      published += 1;
    },
  });
  const sinks = Array.from({ length: SINKS }, (_, i) => `rtmp://127.0.0.1:${PUBLISHED}/live/d${i}`);
  const plan = planOf(`relay rtmp://127.0.0.1:${PLAYED}/live/show ${sinks.join(" ")} ${flags}`);
  const parts = await makeParts(plan, { video: [], audio: [] }, () => {});
  const [stop, abort] = [new AbortController(), new AbortController()];
  const context = { report: () => {}, onStatus: () => {}, stop: stop.signal, abort: abort.signal };
  const done = runJob(plan, parts, context);
  try {
    await until("the relay plays", () => playing);
    const source = net.to(PLAYED)[0]!;
    source.give(controlBytes(1, u32(CHUNK_SIZE)));
    for (const message of messages(30, 1000, 0)) source.give(framed(message));
    await until("every destination is published to", () => published === SINKS);
    await arrived(net);
    await work((segment) => source.give(segment), net);
  } finally {
    stop.abort();
    abort.abort();
    await done;
  }
}

const received = (net: MemoryNet) => net.to(PUBLISHED).map(({ peer }) => peer.received);

/** Waits until the destinations got as much as will come: what is given is written at once, or soon after. */
async function arrived(net: MemoryNet): Promise<void> {
  let before = -1;
  await until("the destinations are quiet", () => {
    const now = received(net).reduce((sum, bytes) => sum + bytes, 0);
    const quiet = now === before;
    before = now;
    return quiet;
  });
}
