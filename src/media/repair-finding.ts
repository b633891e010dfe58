/**
 * What repair finds wrong with an FLV file: each finding with its place and in words, and many of them summed up in
 * one line. Made by the other repair files, shown by the repair command and by probe.
 */
import type { FlvDamage } from "./flv-tag.ts";

/** Kinds of findings, with what one and several of them are called in a summary. */
const NOUNS = {
  header: ["a broken file header", "broken file headers"],
  garbage: ["a damaged place", "damaged places"],
  zeros: ["a stretch of zeros", "stretches of zeros"],
  torn: ["a cut last tag", "cut last tags"],
  pointer: ["a wrong back-pointer", "wrong back-pointers"],
  session: ["a second recording", "further recordings"],
  restart: ["a clock that starts over", "clocks that start over"],
  jump: ["a timestamp jump", "timestamp jumps"],
  rollback: ["a timestamp that goes back", "timestamps that go back"],
  lone: ["a stray timestamp", "stray timestamps"],
  doubled: ["a doubled sequence header", "doubled sequence headers"],
  late: ["a late sequence header", "late sequence headers"],
  missing: ["a missing sequence header", "missing sequence headers"],
  flags: ["wrong header flags", "wrong header flags"],
  metadata: ["missing or unreadable metadata", "missing or unreadable metadata"],
  duration: ["a wrong duration", "wrong durations"],
  filesize: ["a wrong file size", "wrong file sizes"],
  index: ["a missing or wrong keyframe index", "missing or wrong keyframe indexes"],
} as const satisfies Readonly<Record<string, readonly [one: string, many: string]>>;

/** What is wrong. */
export type FindingKind = keyof typeof NOUNS;

/** Something wrong, and where: bytes from the start of the file. */
export type Finding = { readonly kind: FindingKind; readonly offset: number; readonly text: string };

/** How many findings of each kind there are. */
export type FindingCounts = Partial<Record<FindingKind, number>>;

/** What no tool can put back: the file stays incomplete. */
const BEYOND_REPAIR: ReadonlySet<FindingKind> = new Set(["missing"]);

/** Whether the finding is still there after a repair. */
export function isBeyondRepair(kind: FindingKind): boolean {
  return BEYOND_REPAIR.has(kind);
}

/** The counts of some kinds in words: `a cut last tag, 3 timestamp jumps`; "" when there are none. */
export function findingsInWords(
  counts: FindingCounts,
  matters: (kind: FindingKind) => boolean = () => true,
): string {
  const words: string[] = [];
  for (const [kind, [one, many]] of Object.entries(NOUNS)) {
    const count = matters(kind as FindingKind) ? (counts[kind as FindingKind] ?? 0) : 0;
    if (count > 0) words.push(count === 1 ? one : `${count} ${many}`);
  }
  return words.join(", ");
}

/** Fewer zeros than this at the end of damaged bytes are chance, not what a power cut leaves. */
const MANY_ZEROS = 64;

/** Where damage stands: `end` if there is nothing between it and the end of the file. */
export type DamagePlace = "inside" | "end";

/** The finding for damage that the reader met. */
export function damageFinding(damage: FlvDamage, place: DamagePlace): Finding {
  const { offset, length, zeros } = damage;
  switch (damage.kind) {
    case "skipped":
      return skippedFinding(damage, place);
    case "pointer": {
      const text =
        place === "end"
          ? "the size behind the last tag is cut or wrong; the tag is whole"
          : "the size behind the tag is wrong; the tag is whole";
      return { kind: "pointer", offset, text };
    }
    case "header":
      return { kind: "header", offset, text: "the file header claims another size than 9 bytes" };
    case "cut": {
      if (zeros === length) return skippedFinding(damage, "end");
      const text = `the last tag is cut after ${bytes(length)}${zeros >= MANY_ZEROS ? `, of which the last ${zeros} are zeros` : ""}`;
      return { kind: "torn", offset, text };
    }
    default:
      throw new Error(`Internal: damage ${damage.kind satisfies never}`);
  }
}

function skippedFinding({ offset, length, zeros }: FlvDamage, place: DamagePlace): Finding {
  const where = place === "end" ? " at the end" : "";
  if (zeros === length) return { kind: "zeros", offset, text: `${length} zeros${where}` };
  const text =
    zeros < MANY_ZEROS
      ? `${bytes(length)} that are no FLV${where}`
      : `${bytes(length - zeros)} that are no FLV and ${zeros} zeros${where}`;
  return { kind: "garbage", offset, text };
}

function bytes(count: number): string {
  return `${count} byte${count === 1 ? "" : "s"}`;
}
