/** Clients as they were captured, from their first byte on: what they ask for and what they are told. */
import { describe, expect, test } from "bun:test";
import { CLIENT_KEY, findDigest, SERVER_KEY, signPacket1 } from "../../src/rtmp/handshake.ts";
import { fixture, toHex } from "../support/bytes.ts";
import { isSigned } from "../support/handshake.ts";
import { randomBytes } from "../support/mutate.ts";
import { CONNECTED, everyWay, PUBLISHED, drive } from "./server-driver.ts";

const PLAYED = [
  "event 0 1",
  "onStatus 0 null status:NetStream.Play.Reset @1",
  "onStatus 0 null status:NetStream.Play.Start @1",
  "|RtmpSampleAccess true true (data) @1",
];

describe("publishers as they are", () => {
  test.each([
    ["ffmpeg-publish", "s1", "FMLE/3.0 (compatible; Lavf59.27.100)"],
    ["ffmpeg-listen", "s1", "FMLE/3.0 (compatible; Lavf59.27.100)"],
    ["gstreamer-publish", "g1", "LNX 10,0,32,18"],
    ["nginx-push", "pushed", "LNX.11,1,102,55"],
  ])("%s", (file, streamName, flashVer) => {
    const { events, said, driven } = everyWay(fixture(`rtmp/${file}.c2s`));
    expect(events.slice(0, 2)).toEqual([
      {
        type: "connect-request",
        id: 1,
        app: "live",
        query: "",
        tcUrl: expect.stringMatching(/^rtmp:\/\/127\.0\.0\.1:\d+\/live$/),
        flashVer,
      },
      {
        type: "publish-request",
        id: 2,
        app: "live",
        streamName,
        query: "",
        vhost: undefined,
        publishType: "live",
      },
    ]);
    // What relays of nginx send without waiting is not lost: metadata, the header of H.264, and so on.
    const media = driven.events.filter((event) => event.type === "media");
    expect(media.map(({ typeId }) => typeId).slice(0, 2)).toEqual([18, 9]);
    expect(media.length).toBe(events.length - 2);
    expect(toHex(media[1]!.payload).slice(0, 10)).toBe("1700000000");
    expect(driven.server.dropped).toBe(0);
    expect(driven.server.phase).toBe("publishing");
    expect(said.slice(0, 4)).toEqual(CONNECTED);
    expect(said.at(-1)).toBe(PUBLISHED);
  });

  test("every call of ffmpeg is answered", () => {
    expect(everyWay(fixture("rtmp/ffmpeg-publish.c2s")).said).toEqual([
      ...CONNECTED,
      "_result 2 null @0",
      "_result 3 null @0",
      "_result 4 null 1 @0",
      PUBLISHED,
    ]);
  });

  test("GStreamer wants no answer to transaction 0", () => {
    expect(everyWay(fixture("rtmp/gstreamer-publish.c2s")).said).toEqual([
      ...CONNECTED,
      "_result 2 null 1 @0",
      PUBLISHED,
    ]);
  });

  test("ffmpeg measures before it publishes", () => {
    const said = everyWay(fixture("rtmp/ffmpeg-listen.c2s")).said;
    expect(said.slice(4)).toEqual([
      "_result 2 null @0",
      "_result 3 null @0",
      "_result 4 null 1 @0",
      "_result 5 null @0",
      PUBLISHED,
    ]);
  });
});

describe("players as they are", () => {
  test.each([
    ["ffmpeg-play", -2000, ["_result 2 null 1 @0", "_result 3 null 0 @0", ...PLAYED]],
    ["rtmpdump-play", -1000, ["_result 2 null 1 @0", "_result 3 null @0", ...PLAYED]],
    ["gstreamer-play", -2, ["_result 2 null 1 @0", ...PLAYED]],
    ["nginx-pull", -2000, ["_result 2 null 1 @0", ...PLAYED]],
  ])("%s", (file, start, answers) => {
    const { events, said, pongs } = everyWay(fixture(`rtmp/${file}.c2s`));
    const request = {
      type: "play-request",
      id: 2,
      app: "live",
      streamName: "s1",
      query: "",
      vhost: undefined,
      start,
    };
    const stops = file === "ffmpeg-play" || file === "rtmpdump-play";
    expect(events.slice(1)).toEqual([
      request,
      ...(stops ? [{ type: "stop-play", reason: "deleteStream" }] : []),
    ]);
    expect(said).toEqual([...CONNECTED, ...answers]);
    expect(pongs).toHaveLength(file === "nginx-pull" ? 7 : 0);
  });
});

describe("the handshake", () => {
  test("V-04: ffmpeg's C1 is answered with signed packets", () => {
    const bytes = fixture("rtmp/ffmpeg-publish.c2s");
    const answer = Buffer.concat(drive([bytes.slice(0, 1537)]).output);
    expect([answer.length, answer[0]]).toEqual([3073, 3]);
    expect(findDigest(answer.subarray(1, 1537), SERVER_KEY)?.layout).toBe("digest-first");
    const digest = findDigest(bytes.subarray(1, 1537), CLIENT_KEY)!.digest;
    expect(isSigned(answer.subarray(1537), digest, SERVER_KEY)).toBe(true);
  });

  test("a key-first client gets its own layout back", () => {
    const c1 = randomBytes(1536, 3);
    signPacket1(c1, "key-first", CLIENT_KEY);
    const answer = Buffer.concat(drive([Uint8Array.of(3), c1]).output);
    expect(findDigest(answer.subarray(1, 1537), SERVER_KEY)?.layout).toBe("key-first");
  });

  test("GStreamer's plain one is echoed, with version 0", () => {
    const bytes = fixture("rtmp/gstreamer-publish.c2s");
    const answer = Buffer.concat(drive([bytes.slice(0, 1537)]).output);
    expect(toHex(answer.subarray(5, 9))).toBe("00000000");
    expect(answer.subarray(1537).equals(Buffer.from(bytes.subarray(1, 1537)))).toBe(true);
  });
});
