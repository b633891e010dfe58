/**
 * Schedules: when a job runs. The cron line is read in its time zone, where the clock jumps twice a year: a time that is
 * skipped comes at the same distance from midnight, one that comes twice counts once. Pure but for the runtime's cron
 * parser: the present comes in.
 */

/** When a job begins, and how long it may go on from then. `for` is in ms. */
export type Schedule = {
  readonly cron: string;
  readonly tz: string;
  readonly for: number | undefined;
};

/** The parser's complaints in our words. */
const SAID: readonly (readonly [pattern: RegExp, text: string])[] = [
  [/seconds are not supported|too many fields/, "it has more than five fields"],
  [/expected 5/, "it has fewer than five fields"],
  [/out of range/, "a number is out of its range"],
];

const FORM = 'write minute, hour, day, month and weekday: "0 23 * * MON-FRI"';

/** What is wrong with a cron line; undefined if nothing is. */
export function cronProblem(cron: string): string | undefined {
  try {
    if (Bun.cron.parse(cron, new Date(0), { tz: "UTC" }) !== null) return undefined;
    return `"${cron}" never comes — ${FORM}`;
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    const said = SAID.find(([pattern]) => pattern.test(message))?.[1] ?? "a field cannot be read";
    return `"${cron}" is no cron line: ${said} — ${FORM}`;
  }
}

/** What is wrong with a time zone; undefined if nothing is. */
export function zoneProblem(tz: string): string | undefined {
  try {
    Bun.cron.parse("0 0 * * *", new Date(0), { tz });
    return undefined;
  } catch {
    return `"${tz}" is no time zone — write one such as Europe/Berlin or UTC`;
  }
}

/** The machine's time zone. */
export function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** The next `n` beginnings after `from`, the earliest first; fewer if there are no more. */
export function nextRuns(schedule: Pick<Schedule, "cron" | "tz">, from: Date, n: number): Date[] {
  const runs: Date[] = [];
  let after = from;
  while (runs.length < n) {
    const next = Bun.cron.parse(schedule.cron, after, { tz: schedule.tz });
    if (next === null) break;
    runs.push(next);
    after = next;
  }
  return runs;
}

/** The beginning at or before `now` whose window is still open: a start that was missed; undefined if there is none. */
export function openWindow(schedule: Schedule, now: Date): Date | undefined {
  if (schedule.for === undefined) return undefined;
  let open: Date | undefined;
  let after = new Date(now.getTime() - schedule.for - 1);
  for (;;) {
    const next = Bun.cron.parse(schedule.cron, after, { tz: schedule.tz });
    if (next === null || next > now) break;
    if (next.getTime() + schedule.for > now.getTime()) open = next;
    after = next;
  }
  return open;
}
