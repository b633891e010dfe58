import { describe, expect, test } from "bun:test";
import { isOurs } from "../../src/errors.ts";
import { RtmpClient } from "../../src/rtmp/client.ts";
import type { RtmpEvent } from "../../src/rtmp/events.ts";
import { fixture } from "../support/bytes.ts";
import { everySplit } from "../support/every-split.ts";
import { mutations } from "../support/mutate.ts";
import { kept } from "../support/kept.ts";
import { CAPTURES, HANDSHAKE, readRows } from "./chunk-cases.ts";
import { clientOptions, thrownBy } from "./scripted-server.ts";

describe("captures", () => {
  const run = (
    bytes: readonly Uint8Array[],
    intent: "publish" | "play",
  ): { events: RtmpEvent[]; said: string[] } => {
    const client = new RtmpClient(clientOptions({ intent }));
    client.begin(0);
    client.takeOutput();
    const events: RtmpEvent[] = [];
    const output: Uint8Array[] = [];
    for (const segment of bytes) {
      client.receive(segment, 1);
      segment.fill(0xa5); // a transport takes its memory back: nothing of it may be kept
      output.push(...client.takeOutput());
      for (let event = client.nextEvent(); event !== undefined; event = client.nextEvent())
        events.push(kept(event));
    }
    const rows = readRows([Buffer.concat(output.slice(1))]);
    return { events, said: rows.map(([typeId, , , payload]) => `${typeId} ${payload.slice(0, 40)}`) };
  };

  test.each(["ffmpeg-play.s2c", "rtmpdump-play.s2c"])("%s plays the same at every cut", (name) => {
    const { events, said } = everySplit(fixture(`rtmp/${name}`), (segments) => run(segments, "play"));
    expect(events.slice(0, 2).map(({ type }) => type)).toEqual(["status", "live"]);
    const media = events.filter((event) => event.type === "media");
    expect(media.length).toBeGreaterThan(50);
    expect(media.slice(0, 3).map(({ typeId }) => typeId)).toEqual([18, 18, 8]);
    expect(said.map((line) => line.slice(0, 2).trim())).toEqual(["20", "5", "5", "20", "20", "20", "4"]);
  });

  test.each(["ffmpeg-publish.s2c", "ffmpeg-listen.s2c"])("%s accepts a publisher at every cut", (name) => {
    const { events } = everySplit(fixture(`rtmp/${name}`), (segments) => run(segments, "publish"));
    expect(events.map(({ type }) => type)).toContain("live");
    expect(events.map(({ type }) => type)).not.toContain("refused");
  });

  test.each(CAPTURES)("damaged copies of %s end in nothing but our own errors", (name) => {
    const bytes = fixture(`rtmp/${name}`);
    const check = (damaged: Uint8Array): void => {
      for (const intent of ["publish", "play"] as const) {
        const error = thrownBy(() => run([damaged.slice(0, 3500), damaged.slice(3500)], intent));
        if (error !== undefined && !isOurs(error)) throw error;
      }
    };
    for (const damaged of mutations(bytes, 100, 29)) check(damaged);
    for (const rest of mutations(bytes.subarray(HANDSHAKE), 200, 23)) {
      const copy = new Uint8Array(HANDSHAKE + rest.length);
      copy.set(bytes.subarray(0, HANDSHAKE));
      copy.set(rest, HANDSHAKE);
      check(copy);
    }
  });
});
