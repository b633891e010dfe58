/** Raw H.264 and H.265 for tests: made by ffmpeg, read by the access unit reader, and read apart from src. */
import { AccessUnits, type AccessUnit } from "../../src/media/access-units.ts";
import { H264Rules } from "../../src/media/h264-rules.ts";
import { HevcRules } from "../../src/media/hevc-rules.ts";
import { run } from "./process.ts";

/** The codec of a raw stream. */
export type RawCodec = "h264" | "hevc";

/** One unit as plain data. */
export type PlainUnit = {
  key: boolean;
  at: number;
  distance: number;
  header: string;
  nals: string[];
};

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** The NAL units of a tag body in hex, behind `head` bytes of it. */
export function nalsOf(body: Uint8Array, head: number): string[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const nals: string[] = [];
  for (let at = head; at < body.length;) {
    const length = view.getUint32(at);
    if (at + 4 + length > body.length) throw new Error(`a NAL unit of ${length} bytes is cut at ${at}`);
    nals.push(hexOf(body.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return nals;
}

/** A unit as plain data. */
export function plainUnit(codec: RawCodec, unit: AccessUnit): PlainUnit {
  const { key, at, distance, header } = unit;
  const nals = nalsOf(unit.body(0), 5);
  if (codec === "h264" && unit.body(1)[0] !== (key ? 0x17 : 0x27)) throw new Error("the frame type is wrong");
  return { key, at, distance, header: header === undefined ? "" : hexOf(header), nals };
}

/** A reader of a raw stream, and what came out of it. */
export function unitReader(codec: RawCodec) {
  const units: PlainUnit[] = [];
  const rules = codec === "h264" ? new H264Rules() : new HevcRules();
  const reader = new AccessUnits(rules, (unit) => units.push(plainUnit(codec, unit)));
  return { reader, units };
}

/** All units of a raw stream that comes in these segments, one a ms. */
export function readUnits(codec: RawCodec, segments: readonly Uint8Array[]): PlainUnit[] {
  const { reader, units } = unitReader(codec);
  for (const segment of segments) reader.feed(segment, 0, Infinity);
  reader.end();
  return units;
}

/** How to make a raw stream: arguments for ffmpeg between its input and its output. */
export type RawWish = {
  codec?: RawCodec;
  size?: string;
  fps?: number;
  frames?: number;
  args?: readonly string[];
};

/** Makes a raw stream with x264 or x265. */
export async function makeRaw(wish: RawWish = {}): Promise<Uint8Array> {
  const codec = wish.codec ?? "h264";
  const picture = `testsrc2=size=${wish.size ?? "320x180"}:rate=${wish.fps ?? 25}`;
  const encoder = codec === "h264" ? "libx264" : "libx265";
  const quiet = codec === "h264" ? [] : ["-x265-params", "log-level=none"];
  const args = wish.args ?? [];
  const end = ["-frames:v", String(wish.frames ?? 40), "-f", codec, "-"];
  const input = ["-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", "-c:v", encoder, ...quiet];
  return ffmpeg([...input, ...args, ...end]);
}

/** What ffmpeg writes to stdout, given `stdin`. */
export async function ffmpeg(args: readonly string[], stdin?: Uint8Array): Promise<Uint8Array> {
  const result = await run(["ffmpeg", "-hide_banner", "-v", "error", ...args], {
    timeout: 60_000,
    ...(stdin === undefined ? {} : { stdin }),
  });
  if (result.code !== 0) throw new Error(`ffmpeg ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

/** The same stream as FLV tags, made by ffmpeg without decoding it. By itself it refuses B-frames without times. */
export function remux(codec: RawCodec, raw: Uint8Array): Promise<Uint8Array> {
  return ffmpeg(["-f", codec, "-i", "-", "-c", "copy", "-bsf:v", "setts=ts=N*40000", "-f", "flv", "-"], raw);
}

/** What ffmpeg complains of when it decodes a recording. Times stay in ms: frames are not forced into a rate. */
export async function complaints(file: string): Promise<string> {
  const argv = [
    "ffmpeg",
    "-v",
    "error",
    "-i",
    file,
    "-vsync",
    "0",
    "-enc_time_base",
    "-1",
    "-f",
    "null",
    "-",
  ];
  return (await run(argv, { timeout: 60_000 })).stderr;
}
