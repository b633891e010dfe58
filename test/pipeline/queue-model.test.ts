/**
 * PacketQueue against random streams and a naive model of what a sink may be given: every start with headers and a
 * keyframe, nothing twice, nothing out of order, no hole in a picture, and every packet either given or counted.
 */
import { expect, test } from "bun:test";
import type { MediaPacket } from "../../src/media/packet.ts";
import { PacketQueue } from "../../src/pipeline/queue.ts";
import { pick, seededRandom } from "../support/mutate.ts";
import { lineOf, packets } from "../support/packets.ts";

/** A stream with GOPs, audio, data and headers that change before keyframes, as text. */
function randomStream(random: () => number, length: number): MediaPacket[] {
  const line = ["M1", "V1", "A1", "K0"];
  let time = 0;
  for (let i = 0; i < length; i++) {
    time += pick(random, 40);
    const dice = random();
    const size = `*${16 + pick(random, 200)}`;
    if (dice < 0.05) line.push(`V${i + 2}@${time}`, `K${time}${size}`);
    else if (dice < 0.12) line.push(`K${time}${size}`);
    else if (dice < 0.14) line.push(`A${i + 2}@${time}`);
    else if (dice < 0.15) line.push(`M${i + 2}@${time}`);
    else if (dice < 0.55) line.push(`f${time}${size}`);
    else line.push(`a${time}${size}`);
  }
  return packets(line.join(" "));
}

/** What a sink may be given: checks one packet after the other. */
class Judge {
  #next = 0;
  #hasKey = false;
  #video: Uint8Array | undefined;
  readonly #offered: readonly MediaPacket[];

  constructor(offered: readonly MediaPacket[]) {
    this.#offered = offered;
  }

  take(one: MediaPacket, afterLoss: boolean): void {
    if (afterLoss) this.#hasKey = false;
    if (one.role === "header" && one.kind === "video") this.#video = one.body;
    if (one.role === "header" || one.role === "metadata") return;
    const at = this.#offered.indexOf(one, this.#next);
    if (at < 0) throw new Error(`${lineOf([one])} is out of order or unknown`);
    if (one.kind === "video") {
      if (one.role === "key") this.#hasKey = true;
      if (!this.#hasKey) throw new Error(`${lineOf([one])} has no keyframe before it`);
      const header = this.#offered.slice(0, at).findLast((p) => p.kind === "video" && p.role === "header");
      if (header?.body !== this.#video) throw new Error(`${lineOf([one])} has the wrong header`);
      this.#checkFrames(at);
    }
    this.#next = at + 1;
  }

  /** Between two frames that are given none of the same GOP may be missing. */
  #checkFrames(at: number): void {
    if (this.#offered[at]!.role === "key") return;
    const missing = this.#offered
      .slice(this.#next, at)
      .filter((p) => p.kind === "video" && p.role !== "header");
    if (missing.length > 0) throw new Error(`${lineOf(missing)} is missing`);
  }
}

test.each(Array.from({ length: 60 }, (_, seed) => seed))(
  "random stream %p: what comes out begins with headers and a keyframe and has no hole in a picture",
  (seed) => {
    const random = seededRandom(seed);
    const offered = randomStream(random, 400);
    const limits = { bytes: 500 + pick(random, 4000), ms: 100 + pick(random, 1000), policy: "skip" } as const;
    const queue = new PacketQueue(limits);
    const judge = new Judge(offered);
    let media = 0;
    let restarted = false;
    const take = (): void => {
      const one = queue.take();
      if (one === undefined) return;
      judge.take(one, restarted);
      restarted = false;
      if (one.role !== "header" && one.role !== "metadata") media += 1;
    };
    for (const one of offered) {
      queue.offer(one);
      if (random() < 0.7) queue.settle(one.dts + pick(random, 100));
      expect(queue.bytes).toBeLessThanOrEqual(limits.bytes + 216);
      if (random() < 0.01) {
        queue.restart();
        restarted = true;
      }
      for (let n = pick(random, 3); n > 0; n--) take();
    }
    while (queue.length > 0) take();
    const total = offered.filter((p) => p.role !== "header" && p.role !== "metadata").length;
    expect(queue.lost.packets + media).toBe(total);
    expect(queue.bytes).toBe(0);
  },
);
