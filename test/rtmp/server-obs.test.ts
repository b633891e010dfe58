/** A publisher as OBS is one, with its habits, made up byte by byte. */
import { describe, expect, test } from "bun:test";
import { randomBytes } from "../support/mutate.ts";
import { amf, controlBytes, frame, u32 } from "../support/rtmp-wire.ts";
import {
  CONNECTED,
  everyWay,
  PUBLISHED,
  command,
  connected,
  hello,
  join,
  message,
  publishing,
} from "./server-driver.ts";

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

test("hello and publish in one segment are as good as many", () => {
  const { said } = everyWay(publishing());
  expect(said).toEqual([...CONNECTED, "_result 2 null 1 @0", PUBLISHED]);
});
