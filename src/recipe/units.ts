/**
 * Durations, sizes and times of day as people write them. A bare number is refused: nobody remembers whether it
 * was seconds or milliseconds. Every function returns a value or a Problem that says what to write instead.
 */

import type { UsageProblem } from "../errors.ts";

/** What is wrong with a text, and what to write. */
export type Problem = Required<Pick<UsageProblem, "value" | "what" | "instead">>;

const DURATION_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Whether a parser found a problem. */
export function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "what" in value;
}

function wrong(value: string, what: string, instead: string): Problem {
  return { value, what, instead };
}

/** `250ms`, `15s`, `1h30m`: milliseconds. */
export function parseDuration(text: string): number | Problem {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) {
    return wrong(text, "has no unit", `write ${trimmed}s for seconds or ${trimmed}m for minutes`);
  }
  const parts = [...trimmed.matchAll(/(\d+(?:\.\d+)?)\s*(ms|[smhd])/gy)];
  const length = parts.reduce((sum, part) => sum + part[0].length, 0);
  if (parts.length === 0 || length !== trimmed.length) {
    return wrong(text, "is no duration", "write one such as 250ms, 15s, 30m, 7h or 14d");
  }
  return Math.round(parts.reduce((sum, [, n, unit]) => sum + Number(n) * DURATION_MS[unit!]!, 0));
}

const SIZE_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  K: 1000,
  KB: 1000,
  KIB: 1024,
  M: 1e6,
  MB: 1e6,
  MIB: 1024 ** 2,
  G: 1e9,
  GB: 1e9,
  GIB: 1024 ** 3,
  T: 1e12,
  TB: 1e12,
  TIB: 1024 ** 4,
};

/** `200GiB`, `16MiB`, `500MB`: bytes. */
export function parseSize(text: string): number | Problem {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) {
    return wrong(text, "has no unit", `write ${trimmed}MiB or ${trimmed}GiB`);
  }
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(trimmed) ?? [];
  const factor = SIZE_BYTES[unit?.toUpperCase() ?? ""];
  if (factor === undefined) return wrong(text, "is no size", "write one such as 16MiB, 500MB or 200GiB");
  return Math.round(Number(number) * factor);
}

/** `06:00`, `23:59:30` (the next time the clock shows it) or `2026-11-20T06:00`: ms since 1970. */
export function parseUntil(text: string, now: Date): number | Problem {
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text.trim());
  if (clock !== null) {
    const [hours, minutes, seconds] = [Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0)];
    if (hours < 24 && minutes < 60 && seconds < 60) return nextClock(now, hours, minutes, seconds);
  }
  const date = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}/.test(text.trim()) ? Date.parse(text.trim()) : NaN;
  if (Number.isNaN(date)) {
    return wrong(text, "is no time", "write one such as 06:00 or 2026-11-20T06:00");
  }
  if (date <= now.getTime()) return wrong(text, "is over", "write a time to come");
  return date;
}

/** The next local time with this clock reading; setting the date anew keeps it right over a change of DST. */
function nextClock(now: Date, hours: number, minutes: number, seconds: number): number {
  const at = (day: number): Date =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() + day, hours, minutes, seconds);
  const today = at(0);
  return (today > now ? today : at(1)).getTime();
}
