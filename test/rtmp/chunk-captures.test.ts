import { describe, expect, test } from "bun:test";
import { ProtocolError } from "../../src/errors.ts";
import { ChunkReader } from "../../src/rtmp/chunk-reader.ts";
import { MEDIA_LIMITS } from "../../src/rtmp/constants.ts";
import { toHex } from "../support/bytes.ts";
import { everySplit } from "../support/every-split.ts";
import { mutations } from "../support/mutate.ts";
import { WireReader } from "../support/rtmp-wire.ts";
import { CAPTURES, chunksOf, obey, read, readRows, type Row, times } from "./chunk-cases.ts";

describe("captures", () => {
  test.each(CAPTURES)(
    "%s reads the same at every cut, and as the test server's own reader reads it",
    (name) => {
      const bytes = chunksOf(name);
      const rows = read(bytes);
      const other = new WireReader().feed(bytes);
      expect(rows.length).toBeGreaterThan(4);
      expect(rows.map(([typeId, , , payload]) => [typeId, payload])).toEqual(
        other.map(({ type, payload }) => [type, toHex(payload)]),
      );
    },
  );

  test("V-33 nginx pushes: set chunk size, window, then connect", () => {
    const rows = read(chunksOf("nginx-push.c2s"));
    expect(rows.slice(0, 2)).toEqual([
      [1, 0, 0, "00001000"],
      [5, 0, 0, "004c4b40"],
    ]);
    expect(rows[2]?.[0]).toBe(20);
    expect(rows[2]?.[3]).toStartWith("020007636f6e6e656374");
  });

  test("V-34 GStreamer publishes: five commands, then a set chunk size of 128", () => {
    const rows = read(chunksOf("gstreamer-publish.c2s"));
    const kinds = rows.map(([typeId]) => typeId);
    expect(kinds.filter((typeId) => typeId === 20)).toHaveLength(5);
    expect(rows.find(([typeId]) => typeId === 1)).toEqual([1, 0, 0, "00000080"]);
    expect(kinds).toContain(9);
  });

  test("V-27 ffmpeg and rtmpdump announce their buffer", () => {
    const events = (name: string): Row[] => read(chunksOf(name)).filter(([typeId]) => typeId === 4);
    expect(events("ffmpeg-play.c2s")).toContainEqual([4, 0, 1, "00030000000100000bb8"]);
    expect(events("rtmpdump-play.c2s").map(([, , , payload]) => payload)).toContain("00030000000102255100");
  });

  test("V-14 times of ffmpeg's audio and video, which are deltas on the wire", () => {
    const rows = read(chunksOf("ffmpeg-publish.c2s"));
    const timesOf = (type: number): number[] => times(rows.filter(([typeId]) => typeId === type));
    expect(timesOf(9)).toEqual([0, 23, 123, 223, 323]);
    expect(timesOf(8).slice(0, 8)).toEqual([0, 0, 23, 46, 69, 93, 116, 139]);
  });
});

describe("damage", () => {
  test.each(CAPTURES)(
    "%s: damaged copies give messages or ProtocolError, and memory follows the bytes",
    (name) => {
      for (const bytes of mutations(chunksOf(name), 400, 7)) {
        let payloads = 0;
        const reader: ChunkReader = new ChunkReader((message) => {
          payloads += message.payload.length;
          obey(reader, message);
        }, MEDIA_LIMITS);
        try {
          for (let at = 0; at < bytes.length; at += 1000) {
            reader.feed(bytes.slice(at, at + 1000));
            expect(reader.unfinishedBytes).toBeLessThanOrEqual(64 * 4096 + 2 * bytes.length);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
        expect(payloads).toBeLessThanOrEqual(bytes.length);
      }
    },
  );

  test("damaged copies read the same at every cut", () => {
    for (const bytes of mutations(chunksOf("ffmpeg-publish.s2c"), 60, 11)) {
      everySplit(bytes, (segments) => {
        const rows: Row[] = [];
        try {
          rows.push(...readRows(segments));
        } catch (error) {
          if (error instanceof ProtocolError) return error.place;
          throw error;
        }
        return rows;
      });
    }
  });
});
