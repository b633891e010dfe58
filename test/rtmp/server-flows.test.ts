import { describe, expect, test } from "bun:test";
import { parseRtmpUrl } from "../../src/rtmp/url.ts";
import { RtmpClient } from "../../src/rtmp/client.ts";
import { frameMessage } from "../../src/rtmp/chunk-writer.ts";
import type { RtmpEvent } from "../../src/rtmp/events.ts";
import { CLIENT_KEY, findDigest, SERVER_KEY, signPacket1, verifyPacket2 } from "../../src/rtmp/handshake.ts";
import { fixture, toHex } from "../support/bytes.ts";
import { everySplit } from "../support/every-split.ts";
import { randomBytes } from "../support/mutate.ts";
import { amf, controlBytes, frame, u32 } from "../support/rtmp-wire.ts";
import { command, connected, drive, Driven, hello, join, message, publishing } from "./server-driver.ts";

const START = ["window 2500000", "bandwidth 2500000 2", "chunk size 4096"];
const CONNECTED = [...START, "_result 1 {} status:NetConnection.Connect.Success @0"];
const PUBLISHED = "onStatus 0 null status:NetStream.Publish.Start @1";
const PLAYED = [
  "event 0 1",
  "onStatus 0 null status:NetStream.Play.Reset @1",
  "onStatus 0 null status:NetStream.Play.Start @1",
  "|RtmpSampleAccess true true (data) @1",
];

/** Media as text, so that a difference can be read. */
function seen(driven: Driven): unknown[] {
  return driven.events.map((event) =>
    event.type === "media"
      ? `${event.typeId} at ${event.timestamp}: ${Bun.hash(event.payload)} (${event.payload.length})`
      : event,
  );
}

/** The same at every cut. Pings are answered at once, whatever waits: they are told apart. */
function everyWay(bytes: Uint8Array): { events: unknown[]; said: string[]; pongs: string[]; driven: Driven } {
  let last = new Driven();
  const results = everySplit(bytes, (segments) => {
    last = drive(segments);
    const isPong = (line: string) => line.startsWith("event 7 ");
    return {
      events: seen(last),
      said: last.said.filter((line) => !isPong(line)),
      pongs: last.said.filter(isPong),
    };
  });
  return { ...results, driven: last };
}

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
    expect(verifyPacket2(answer.subarray(1537), digest, SERVER_KEY)).toBe(true);
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

describe("OBS", () => {
  /** AMF0 that the wire helper cannot write: a strict array of texts. */
  const fourCcList = Buffer.concat([
    Buffer.from("000a666f757243634c697374", "hex"),
    Buffer.from("0a00000003", "hex"),
    amf("av01", "vp09", "hvc1"),
  ]);
  const connect = (() => {
    const plain = amf("connect", 1, {
      app: "live",
      type: "nonprivate",
      flashVer: "FMLE/3.0 (compatible; FMSc/1.0)",
      swfUrl: "rtmp://127.0.0.1/live",
      tcUrl: "rtmp://127.0.0.1/live",
      capsEx: 15,
    });
    const end = plain.length - 3;
    return join(plain.subarray(0, end), fourCcList, plain.subarray(end));
  })();
  const onMetaData = join(
    amf("@setDataFrame", "onMetaData"),
    Buffer.from("0800000014", "hex"), // 20 entries, whatever there are
    amf({ duration: 0, width: 1920, height: 1080, videocodecid: 7, encoder: "obs-output module" }).subarray(
      1,
    ),
  );
  const large = (csid: number, type: number, streamId: number, payload: Uint8Array) =>
    frame(csid, { type, streamId, timestamp: 0, payload }, 4096);
  const start = join(
    hello(),
    controlBytes(1, u32(4096)),
    large(3, 20, 0, connect),
    large(3, 20, 0, amf("releaseStream", 2, null, "key?bandwidthtest=true")),
    large(3, 20, 0, amf("FCPublish", 3, null, "key?bandwidthtest=true")),
    large(3, 20, 0, amf("createStream", 4, null)),
    large(4, 20, 1, amf("publish", 5, null, "key?bandwidthtest=true", "live")),
  );
  const media = join(
    large(4, 18, 1, onMetaData),
    large(4, 8, 1, Buffer.from("af001190", "hex")),
    large(4, 9, 1, Buffer.from("1700000000014d", "hex")),
    large(4, 9, 1, join(Buffer.from("1701000000", "hex"), randomBytes(9000, 1))),
  );
  const end = join(
    large(3, 20, 0, amf("FCUnpublish", 6, null, "key")),
    large(3, 20, 0, amf("deleteStream", 7, null, 1)),
  );

  test("publishes and says goodbye", () => {
    const { events, said, driven } = everyWay(join(start, media, end));
    expect(events[1]).toMatchObject({
      type: "publish-request",
      app: "live",
      streamName: "key",
      query: "?bandwidthtest=true",
    });
    const kinds = ["media 18", "media 8", "media 9", "media 9"];
    expect(driven.kinds.slice(2)).toEqual([...kinds, "unpublish"]);
    expect(events.at(-1)).toEqual({ type: "unpublish", reason: "FCUnpublish" });
    const metadata = driven.events.find((event) => event.type === "media");
    expect(metadata?.payload).toEqual(onMetaData);
    expect(said).toEqual([
      ...CONNECTED,
      "_result 2 null @0",
      "_result 3 null @0",
      "_result 4 null 1 @0",
      PUBLISHED,
      "_result 6 null @0",
      "onStatus 0 null status:NetStream.Unpublish.Success @1",
    ]);
    expect(driven.server.phase).toBe("ready");
  });

  test("publishes again on the same connection", () => {
    const again = large(4, 20, 1, amf("publish", 8, null, "other", "live"));
    const { driven } = everyWay(join(start, media, end, media, again, media));
    const kinds = ["media 18", "media 8", "media 9", "media 9"];
    expect(driven.kinds.slice(2)).toEqual([...kinds, "unpublish", "publish-request", ...kinds]);
    // What came after the goodbye belonged to no stream.
    expect(driven.server.dropped).toBe(4);
  });

  test("a key in the app, as with the whole address in one field", () => {
    const oneField = join(
      connected("live/key?a=1"),
      command(1, "publish", 3, null, "", "live"),
      message(8, Buffer.from("af00")),
    );
    const { events } = everyWay(oneField);
    expect(events[0]).toMatchObject({ app: "live/key", query: "?a=1" });
    expect(events[1]).toMatchObject({ app: "live", streamName: "key", query: "?a=1" });
  });
});

const MEDIA = [
  { typeId: 18, timestamp: 0, payload: new Uint8Array(amf("@setDataFrame", "onMetaData", { width: 16 })) },
  { typeId: 9, timestamp: 0, payload: Uint8Array.of(0x17, 0, 0, 0, 0, 1) },
  { typeId: 8, timestamp: 0x1000010, payload: randomBytes(300, 2) },
  { typeId: 9, timestamp: 0x1000020, payload: randomBytes(20_000, 3) },
];
const MEDIA_EVENTS = MEDIA.map((part) => ({ type: "media", ...part }));

function newClient(intent: "publish" | "play", handshake: "simple" | "digest" = "simple"): RtmpClient {
  const url = parseRtmpUrl("rtmp://h/live/show?token=a/b");
  const times = { stepTimeout: 1000, startTimeout: 1000, stall: 1000 };
  const random = randomBytes(3032, 9);
  const made = new RtmpClient({
    url,
    intent,
    authQuery: "",
    fourCcs: { video: ["hvc1"], audio: [] },
    handshake,
    random,
    ...times,
  });
  made.begin(0);
  return made;
}

/** Our own client and server in memory, with segments of `size` bytes at most. */
class Pair {
  readonly client: RtmpClient;
  readonly driven = new Driven();
  readonly heard: RtmpEvent[] = [];
  up: Uint8Array = new Uint8Array(0);
  down: Uint8Array = new Uint8Array(0);
  readonly #size: number;

  constructor(client: RtmpClient, size: number) {
    this.client = client;
    this.#size = size;
  }

  /** Moves bytes both ways until nothing moves. */
  pump(): this {
    for (;;) {
      const up = join(...this.client.takeOutput());
      const down = join(...this.driven.output.splice(0));
      if (up.length === 0 && down.length === 0) return this;
      this.upload(up);
      this.download(down);
    }
  }

  upload(bytes: Uint8Array): this {
    this.up = join(this.up, bytes);
    for (const segment of this.#cut(bytes)) this.driven.receive(segment);
    return this;
  }

  download(bytes: Uint8Array): this {
    this.down = join(this.down, bytes);
    for (const segment of this.#cut(bytes)) this.client.receive(segment, 0);
    for (let event = this.client.nextEvent(); event !== undefined; event = this.client.nextEvent()) {
      this.heard.push(event);
    }
    return this;
  }

  #cut(bytes: Uint8Array): Uint8Array[] {
    const count = Math.ceil(bytes.length / this.#size);
    return Array.from({ length: count }, (_, i) => bytes.slice(i * this.#size, (i + 1) * this.#size));
  }
}

/** All of MEDIA in chunks for a side with this framing. */
function framed({ messageStreamId, chunkSize }: { messageStreamId: number; chunkSize: number }): Uint8Array {
  const parts = MEDIA.map((part) => {
    return frameMessage(part, { csid: part.typeId === 9 ? 6 : 4, messageStreamId, chunkSize });
  });
  return join(...parts);
}

function publish(pair: Pair): Pair {
  pair.pump().upload(framed(pair.client)).pump();
  pair.client.finish();
  return pair.pump();
}

function play(pair: Pair): Pair {
  pair.pump().download(framed(pair.driven.server));
  pair.driven.server.endOfStream();
  pair.driven.settle();
  return pair.pump();
}

describe("our own client", () => {
  const ways = [1, 2, 7, 100, 1537, 65536].flatMap((size) => [
    { size, handshake: "simple" as const },
    { size, handshake: "digest" as const },
  ]);
  const request = { app: "live", streamName: "show", query: "?token=a/b", vhost: undefined, id: 2 };
  const published = [
    { type: "publish-request", ...request, publishType: "live" },
    ...MEDIA_EVENTS,
    { type: "unpublish", reason: "FCUnpublish" },
  ];
  const played = [
    ...MEDIA_EVENTS,
    { type: "ended", reason: "NetStream.Play.UnpublishNotify", final: true },
    { type: "ended", reason: "StreamEOF", final: false },
    { type: "ended", reason: "NetStream.Play.Stop", final: true },
  ];

  test.each(ways)("publishes, %o", ({ size, handshake }) => {
    const pair = publish(new Pair(newClient("publish", handshake), size));
    expect(pair.driven.events.slice(1)).toEqual(published as never);
    expect(pair.driven.server.phase).toBe("ready");
    expect(pair.heard.filter((event) => event.type === "live")).toHaveLength(1);
  });

  test.each(ways)("plays, %o", ({ size, handshake }) => {
    const pair = play(new Pair(newClient("play", handshake), size));
    expect(pair.driven.events.slice(1)).toEqual([{ type: "play-request", ...request, start: -2000 }]);
    const wanted = pair.heard.filter((event) => event.type === "media" || event.type === "ended");
    // |RtmpSampleAccess is data like any other.
    expect(wanted.slice(1)).toEqual(played as never);
    expect(pair.driven.server.closing).toBe(true);
  });

  test("what it sends is read alike at every cut", () => {
    const { up } = publish(new Pair(newClient("publish"), 65536));
    expect(everyWay(up).driven.events.slice(1)).toEqual(published as never);
  });

  test("what it hears is read alike at every cut", () => {
    const { down } = play(new Pair(newClient("play"), 65536));
    const heard = everySplit(down, (segments) => {
      const pair = new Pair(newClient("play"), 65536);
      for (const segment of segments) pair.download(segment);
      return pair.heard.filter((event) => event.type === "media" || event.type === "ended");
    });
    expect(heard.slice(1)).toEqual(played as never);
  });
});

test("hello and publish in one segment are as good as many", () => {
  const { said } = everyWay(publishing());
  expect(said).toEqual([...CONNECTED, "_result 2 null 1 @0", PUBLISHED]);
});
