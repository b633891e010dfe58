/**
 * Survey counts what Mender hands out: how long the mended file is, which tracks it has, where its key frames are.
 * Of the first reading it says what is wrong with the head of the file and how large the new head must be; of the
 * second, which writes, it makes that head, as the recorder does for its own files.
 */
import { flvFlags, FLV_FILE_HEADER_SIZE, type FlvTracks } from "./flv-writer.ts";
import { TrackFacts } from "./recording-facts.ts";
import { behindHead, type HeadInput, headSize, recordingHead } from "./recording-head.ts";
import { RecordingTally } from "./recording-tally.ts";
import type { MendedTag, Mender } from "./repair.ts";
import type { Finding } from "./repair-finding.ts";
import type { RepairMetadata } from "./repair-metadata.ts";

/** A claimed duration may differ from the media by this many seconds: some count the last frame, some do not. */
const DURATION_SLACK = 1;
/** An index that ends more than this many seconds before the last key frame was left unfinished. */
const INDEX_SLACK = 30;

/** Counts tags; see the head of this file. */
export class Survey {
  readonly #tally = new RecordingTally();
  readonly #facts = new TrackFacts();
  #tags = 0;

  /** Counts a tag whose header stands at byte `position` of the new file. */
  add(tag: MendedTag, position: number): void {
    this.#tags++;
    this.#facts.learn(tag);
    this.#tally.add(tag, tag.time, position);
  }

  /** Tags in the new file, its metadata left out. */
  get tags(): number {
    return this.#tags;
  }

  /** The time of the last tag, in ms. */
  get lastMs(): number {
    return this.#tally.counts.last;
  }

  get tracks(): FlvTracks {
    const { audioBytes, videoBytes } = this.#tally.counts;
    return { audio: audioBytes > 0, video: videoBytes > 0 };
  }

  /** How many bytes the metadata of the new file takes. */
  headSize(metadata: RepairMetadata): number {
    return headSize(this.#input(metadata, 0), this.#tally.index.length);
  }

  /** The metadata of the new file, `size` bytes of it. */
  head(metadata: RepairMetadata, size: number): Uint8Array {
    const head = recordingHead(this.#input(metadata, behindHead(size)), size);
    if (head === undefined)
      throw new Error("Internal: the second reading found more metadata than the first");
    return head.body;
  }

  /** What the head of the file says that is not so, when all of it has been read. `fileSize` is in bytes. */
  headFindings({ flags, metadata }: Mender, fileSize: number): Finding[] {
    const findings: Finding[] = [];
    const wanted = flvFlags(this.tracks);
    if (flags !== undefined && (flags & 5) !== wanted) {
      const text = `the file header says ${tracksInWords(flags)}, there is ${tracksInWords(wanted)}`;
      findings.push({ kind: "flags", offset: 4, text });
    }
    const { offset } = metadata;
    if (offset === undefined) {
      const text = "there is no metadata, so no duration and no keyframe index";
      return [...findings, { kind: "metadata", offset: FLV_FILE_HEADER_SIZE, text }];
    }
    const duration = this.#durationFault(metadata);
    if (duration !== undefined) findings.push({ kind: "duration", offset, text: duration });
    const claimed = metadata.number("filesize");
    if (claimed !== undefined && claimed !== fileSize) {
      const text = `the metadata says ${claimed} bytes, the file has ${fileSize}`;
      findings.push({ kind: "filesize", offset, text });
    }
    const index = this.#indexFault(metadata);
    if (index !== undefined) findings.push({ kind: "index", offset, text: index });
    return findings;
  }

  #input(metadata: RepairMetadata, firstTag: number): HeadInput {
    const { counts } = this.#tally;
    return {
      claims: metadata.claims(),
      facts: this.#facts,
      tally: this.#tally,
      counts,
      firstTag,
      length: undefined,
    };
  }

  #durationFault(metadata: RepairMetadata): string | undefined {
    const duration = metadata.number("duration");
    const seconds = this.lastMs / 1000;
    // A file whose first stamp is not 0 may count from there or from 0.
    const late = seconds + metadata.firstStamp / 1000;
    const fits = (real: number): boolean =>
      duration !== undefined && Math.abs(duration - real) <= DURATION_SLACK;
    if (fits(seconds) || fits(late)) return undefined;
    const claim = duration === undefined ? "no duration" : `a duration of ${shown(duration)} s`;
    return `the metadata says ${claim}, the file has ${shown(seconds)} s`;
  }

  #indexFault({ index }: RepairMetadata): string | undefined {
    // An index of one entry is not believed by players, so nobody misses it.
    if (this.#tally.index.length < 2) return undefined;
    if (index === undefined) return "there is no keyframe index";
    if (index.unmet > 0) return `${index.unmet} of ${index.entries} entries of the keyframe index are wrong`;
    const lastKey = this.#tally.counts.lastKey / 1000;
    if (lastKey - index.lastTime <= INDEX_SLACK) return undefined;
    return `the keyframe index ends at ${shown(index.lastTime)} s, the last key frame is at ${shown(lastKey)} s`;
  }
}

function tracksInWords(flags: number): string {
  const words = [(flags & 4) === 0 ? "" : "audio", (flags & 1) === 0 ? "" : "video"];
  return words.filter((word) => word !== "").join(" and ") || "neither audio nor video";
}

function shown(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
