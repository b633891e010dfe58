/** Our server and our client with each other. */
import { describe, expect, test } from "bun:test";
import { parseRtmpUrl } from "../../src/rtmp/url.ts";
import { RtmpClient } from "../../src/rtmp/client.ts";
import { frameMessage } from "../../src/rtmp/chunk-writer.ts";
import type { RtmpEvent } from "../../src/rtmp/events.ts";
import { everySplit } from "../support/every-split.ts";
import { randomBytes } from "../support/mutate.ts";
import { amf } from "../support/rtmp-wire.ts";
import { kept } from "../support/kept.ts";
import { everyWay, Driven, join } from "./server-driver.ts";

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
      this.heard.push(kept(event));
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
