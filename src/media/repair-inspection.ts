/**
 * Inspector tells what repair would find in an FLV input, without mending anything: bytes in, findings out. Called by
 * the probe command beside its StreamProbe, for files and pipes, which have byte offsets to speak of.
 */
import { Mender } from "./repair.ts";
import type { Finding, FindingCounts, FindingKind } from "./repair-finding.ts";
import { Survey } from "./repair-survey.ts";

/** What was found; plain data for JSON. */
export type Inspection = {
  /** Whether something is lost or out of order, as against a head that does not say all. */
  readonly damaged: boolean;
  readonly count: number;
  readonly counts: FindingCounts;
  /** The first of them. */
  readonly findings: readonly Finding[];
};

/** What repair puts right although every player can do without. */
const OF_THE_HEAD: ReadonlySet<FindingKind> = new Set(["flags", "metadata", "duration", "filesize", "index"]);

/** Findings that are kept: a probe must not grow with the damage. */
const MAX_FINDINGS = 100;

/** Inspects one input; see the head of this file. */
export class Inspector {
  readonly #survey = new Survey();
  readonly #mender: Mender;
  readonly #findings: Finding[] = [];
  readonly #counts: FindingCounts = {};
  #count = 0;
  #damaged = false;
  #size = 0;

  constructor() {
    this.#mender = new Mender({
      onTag: (tag) => this.#survey.add(tag, tag.offset),
      onFinding: (finding) => this.#take(finding),
    });
  }

  /** Takes the next bytes. Throws MediaError when the input is of another kind. */
  feed(segment: Uint8Array): void {
    this.#size += segment.length;
    this.#mender.feed(segment);
  }

  /**
   * No more comes: the input is over, or somebody `stopped` reading it. `whole`: it is a file, whose head should say
   * how long it is.
   */
  end({ whole, stopped }: { readonly whole: boolean; readonly stopped: boolean }): Inspection {
    if (!stopped) this.#mender.end();
    if (whole && !stopped && this.#survey.tags > 0) {
      for (const finding of this.#survey.headFindings(this.#mender, this.#size)) this.#take(finding);
    }
    return { damaged: this.#damaged, count: this.#count, counts: this.#counts, findings: this.#findings };
  }

  #take(finding: Finding): void {
    this.#count++;
    this.#counts[finding.kind] = (this.#counts[finding.kind] ?? 0) + 1;
    if (!OF_THE_HEAD.has(finding.kind)) this.#damaged = true;
    if (this.#findings.length < MAX_FINDINGS) this.#findings.push(finding);
  }
}
