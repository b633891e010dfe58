/**
 * Reads and compares FLV files, written apart from src so that one mistake cannot hide another. What is compared is
 * the media: audio and video payloads bit for bit, and their times relative to the start.
 *
 * What servers between two files change, and what is therefore set aside:
 *   script tags    nginx-rtmp writes none into recordings, and every recorder writes its own onMetaData
 *   end markers    (AVC end of sequence) come from the muxer, not from the stream
 *   repeats        a sequence header that comes again unchanged: nginx records the audio header twice
 */

/** One tag. `timestamp` is in ms, `hash` that of the payload. */
export type FlvTag = {
  kind: "audio" | "video" | "script";
  role: "header" | "key" | "frame" | "end" | "data";
  timestamp: number;
  payload: Uint8Array;
  hash: string;
};

const KINDS: Record<number, FlvTag["kind"]> = { 8: "audio", 9: "video", 18: "script" };

/** A tag or an RTMP message as a tag; undefined for a type that FLV does not know. */
export function toTag(typeId: number, timestamp: number, payload: Uint8Array): FlvTag | undefined {
  const kind = KINDS[typeId];
  if (kind === undefined) return undefined;
  return { kind, role: roleOf(kind, payload), timestamp, payload, hash: Bun.hash(payload).toString(16) };
}

function roleOf(kind: FlvTag["kind"], payload: Uint8Array): FlvTag["role"] {
  if (kind === "script") return "data";
  const [first = 0, second = 0] = payload;
  if (kind === "video") {
    const enhanced = (first & 0x80) !== 0;
    const type = enhanced ? first & 0x0f : second;
    if (!enhanced && (first & 0x0f) !== 7) return first >> 4 === 1 ? "key" : "frame";
    if (type === 0) return "header";
    if (type === 2) return "end";
    return ((first >> 4) & 0x07) === 1 ? "key" : "frame";
  }
  return kind === "audio" && first >> 4 === 10 && second === 0 ? "header" : "frame";
}

/** Reads a whole FLV; throws with the offset where it is not one. */
export function readFlv(bytes: Uint8Array): FlvTag[] {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (data.length < 13 || data.toString("latin1", 0, 3) !== "FLV") throw new Error("does not begin with FLV");
  if (data.readUInt32BE(5) !== 9 || data.readUInt32BE(9) !== 0) throw new Error("the FLV header is wrong");
  const tags: FlvTag[] = [];
  for (let at = 13; at < data.length;) {
    if (at + 15 > data.length) throw new Error(`a tag is cut at offset ${at}`);
    const typeId = data.readUInt8(at);
    if (KINDS[typeId] === undefined) throw new Error(`unknown tag type ${typeId} at offset ${at}`);
    const size = data.readUIntBE(at + 1, 3);
    if (at + 15 + size > data.length) throw new Error(`a tag of ${size} bytes is cut at offset ${at}`);
    if (data.readUInt32BE(at + 11 + size) !== size + 11) throw new Error(`wrong tag size after offset ${at}`);
    const timestamp = data.readUIntBE(at + 4, 3) + data.readUInt8(at + 7) * 2 ** 24;
    const tag = toTag(typeId, timestamp, data.subarray(at + 11, at + 11 + size));
    if (tag !== undefined) tags.push(tag);
    at += 15 + size;
  }
  return tags;
}

/** Reads a whole FLV file. */
export async function readFlvFile(path: string): Promise<FlvTag[]> {
  return readFlv(await Bun.file(path).bytes());
}

/** Reads the tags of a file whose writer was stopped in the middle of one. */
export async function readGrowing(path: string): Promise<FlvTag[]> {
  const whole = await Bun.file(path).bytes();
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  let end = 13;
  while (end + 15 <= whole.length) {
    const size = 15 + (view.getUint32(end) & 0xffffff);
    if (end + size > whole.length) break;
    end += size;
  }
  return readFlv(whole.subarray(0, end));
}

/** The tags that must survive every way through a server, see the head of this file. */
export function mediaOf(tags: readonly FlvTag[]): FlvTag[] {
  const header = { audio: "", video: "" };
  return tags.filter((tag) => {
    if (tag.kind === "script" || tag.role === "end") return false;
    if (tag.role !== "header") return true;
    const repeated = header[tag.kind] === tag.hash;
    header[tag.kind] = tag.hash;
    return !repeated;
  });
}

const MEDIA_KINDS = ["video", "audio"] as const;
const describe = (tag: FlvTag | undefined) =>
  tag === undefined
    ? "nothing"
    : `${tag.role} of ${tag.payload.length} bytes at ${tag.timestamp} ms (${tag.hash})`;

/** Where two tag sequences part: payloads bit for bit, times up to the constant `shift`. */
function firstDifference(
  name: string,
  expected: readonly FlvTag[],
  actual: readonly FlvTag[],
  shift: number,
): string[] {
  for (let i = 0; i < Math.max(expected.length, actual.length); i++) {
    const [want, got] = [expected[i], actual[i]];
    const same = want !== undefined && got !== undefined && Buffer.compare(want.payload, got.payload) === 0;
    // A header has no time of its own: servers stamp it with 0 or with the present.
    if (same && (want.role === "header" || got.timestamp - want.timestamp === shift)) continue;
    return [
      `${name} ${i} of ${expected.length}: expected ${describe(want)} + ${shift} ms, got ${describe(got)}`,
    ];
  }
  return [];
}

const isFrame = (tag: FlvTag) => tag.role !== "header";

/** Compares two whole streams; returns what differs, nothing when they are equal. */
export function differences(expected: readonly FlvTag[], actual: readonly FlvTag[]): string[] {
  const [all, got] = [mediaOf(expected), mediaOf(actual)];
  const shift = (got.find(isFrame)?.timestamp ?? 0) - (all.find(isFrame)?.timestamp ?? 0);
  return MEDIA_KINDS.flatMap((kind) =>
    firstDifference(
      kind,
      all.filter((tag) => tag.kind === kind),
      got.filter((tag) => tag.kind === kind),
      shift,
    ),
  );
}

/**
 * Compares a part that somebody joined and left with the whole: headers first, video from a keyframe on, then frame
 * by frame what the whole has, with one constant shift in time for audio and video alike.
 */
export function joinDifferences(whole: readonly FlvTag[], part: readonly FlvTag[]): string[] {
  const got = mediaOf(part);
  const problems: string[] = [];
  const video = got.filter((tag) => tag.kind === "video" && isFrame(tag));
  const firstVideo = video[0];
  if (firstVideo === undefined) return ["there is no video in it"];
  if (firstVideo.role !== "key") problems.push(`video begins with a ${describe(firstVideo)}`);
  const source = mediaOf(whole);
  const match = source.find((tag) => tag.kind === "video" && tag.hash === firstVideo.hash && isFrame(tag));
  if (match === undefined) return [...problems, `unknown first video ${describe(firstVideo)}`];
  const shift = firstVideo.timestamp - match.timestamp;
  for (const kind of MEDIA_KINDS) {
    const header = source.find((tag) => tag.kind === kind && tag.role === "header");
    const parts = got.filter((tag) => tag.kind === kind);
    if (header !== undefined && parts[0]?.hash !== header.hash)
      problems.push(`${kind} does not begin with its sequence header`);
    const frames = parts.filter(isFrame);
    const all = source.filter((tag) => tag.kind === kind && isFrame(tag));
    const from = all.findIndex(
      (tag) => tag.hash === frames[0]?.hash && tag.timestamp + shift === frames[0].timestamp,
    );
    if (frames.length === 0) continue;
    if (from < 0) problems.push(`unknown first ${kind} ${describe(frames[0])}, shift ${shift} ms`);
    else problems.push(...firstDifference(kind, all.slice(from, from + frames.length), frames, shift));
  }
  return problems;
}

/** The places where the time of one kind goes back, as text. */
export function backwards(tags: readonly FlvTag[]): string[] {
  return MEDIA_KINDS.flatMap((kind) => {
    const own = mediaOf(tags).filter((tag) => tag.kind === kind && isFrame(tag));
    return own.flatMap((tag, i) => {
      const before = own[i - 1];
      return before !== undefined && tag.timestamp < before.timestamp
        ? [`${kind} goes back from ${before.timestamp} to ${tag.timestamp} ms`]
        : [];
    });
  });
}

/** From the first to the last frame, in ms. */
export function lengthOf(tags: readonly FlvTag[]): number {
  const times = mediaOf(tags)
    .filter(isFrame)
    .map((tag) => tag.timestamp);
  return times.length === 0 ? 0 : Math.max(...times) - Math.min(...times);
}
