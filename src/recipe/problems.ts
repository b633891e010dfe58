/**
 * Problems of recipes: what is wrong, where it stands and what to write instead, as text with the source line and a
 * caret. Secrets that stand in a source line are masked. Pure.
 *
 *     show.yaml:17:9  unknown key "resart" in jobs.show.to.twitch — did you mean "restart"?
 *        17 |         resart: 47h
 *           |         ^^^^^^
 */

import { whatIsWrong, type UsageProblem } from "../errors.ts";
import { longestFirst, maskSecrets } from "../secret-text.ts";
import { maskedRanges } from "./mask-line.ts";
import type { Place } from "./tree.ts";

/** What a problem rests upon: a value, or that a map does not have a key (`absent`: the place is the map's). */
export type Ground = { readonly place: Place; readonly absent: boolean };

/** One thing that is wrong; `text` reads "what — what instead". Its place is a ground too. */
export type RecipeProblem = {
  readonly place: Place;
  readonly text: string;
  readonly grounds?: readonly Ground[];
};

/** Source lines are shown up to this many characters around the caret. */
const EXCERPT_BEFORE = 60;
const EXCERPT_LENGTH = 120;

/** A problem that flags may have too, as recipes say it: "what — what instead". */
export function advised(problem: UsageProblem, instead: string): string {
  return `${whatIsWrong(problem)} — ${problem.instead ?? instead}`;
}

/** `file:line:col`, `--for` or `RUNNEL_FOR`. */
export function formatPlace(place: Place): string {
  switch (place.kind) {
    case "recipe":
      return `${place.text.name}:${place.line}:${place.column}`;
    case "flag":
    case "environment":
      return place.name;
    case "none":
      return "recipe";
    default:
      return place satisfies never;
  }
}

/** Every problem once, in the order of files and lines. */
export function sortProblems(problems: readonly RecipeProblem[]): RecipeProblem[] {
  const files = [...new Set(problems.map(({ place }) => fileOf(place)))];
  const seen = new Set<string>();
  const unique = problems.filter(({ place, text }) => {
    const id = `${formatPlace(place)} ${text}`;
    return !seen.has(id) && seen.add(id);
  });
  return unique.sort((a, b) => {
    const file = files.indexOf(fileOf(a.place)) - files.indexOf(fileOf(b.place));
    if (file !== 0 || a.place.kind !== "recipe" || b.place.kind !== "recipe") return file;
    return a.place.line - b.place.line || a.place.column - b.place.column;
  });
}

function fileOf(place: Place): string {
  return place.kind === "recipe" ? place.text.name : place.kind;
}

/** The problems as lines for people, the last one with their number. `secrets` are masked wherever they stand. */
export function formatProblems(
  problems: readonly RecipeProblem[],
  secrets: readonly string[] = [],
): string[] {
  const sorted = sortProblems(problems);
  const hidden = longestFirst(secrets);
  const lines = sorted.flatMap((problem) => formatProblem(problem, hidden));
  const count = sorted.length;
  return [...lines, `${count} error${count === 1 ? "" : "s"}. Nothing was started.`];
}

function formatProblem({ place, text }: RecipeProblem, secrets: readonly string[]): string[] {
  const head = `${formatPlace(place)}  ${maskSecrets(text, secrets)}`;
  if (place.kind !== "recipe") return [head];
  const line = place.text.lines[place.line - 1] ?? "";
  if (line.trim() === "") return [head];
  const number = String(place.line).padStart(5);
  const { shown, caret } = excerpt(line, place.column - 1, { length: place.length, secrets });
  return [head, `${number} | ${shown}`, `${" ".repeat(number.length)} | ${caret}`];
}

/** A source line and the line below it that underlines `length` characters from `start` on. */
function excerpt(
  line: string,
  start: number,
  { length, secrets }: { length: number; secrets: readonly string[] },
): { shown: string; caret: string } {
  const from = start > EXCERPT_LENGTH - 20 ? start - EXCERPT_BEFORE : 0;
  const to = from + EXCERPT_LENGTH;
  const end = start + Math.max(1, Math.min(length, line.length - start));
  const hidden = maskedRanges(line, secrets);
  let shown = from > 0 ? "…" : "";
  let caret = from > 0 ? " " : "";
  for (let i = from; i < Math.min(line.length, to); i++) {
    const range = hidden.find(([first, last]) => i >= first && i < last);
    const first = range !== undefined && (i === range[0] || i === from);
    if (range !== undefined && !first) continue;
    const marked = range === undefined ? i >= start && i < end : range[0] < end && range[1] > start;
    const text = range === undefined ? line[i]! : "***";
    shown += text;
    caret += marked ? "^".repeat(text.length) : text === "\t" ? "\t" : " ".repeat(text.length);
  }
  if (line.length > to) shown += "…";
  if (!caret.includes("^")) caret = `${caret}^`;
  return { shown, caret: caret.trimEnd() };
}
