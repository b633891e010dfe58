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

/**
 * Where the clock has just skipped an hour, the parser no longer knows of what stood in it: beginnings are counted from
 * well before. In ms.
 */
const SKIPPED_MS = 3 * 3_600_000;

/** The beginnings after `from` (ms since 1970), one after the other. */
function* beginnings({ cron, tz }: Pick<Schedule, "cron" | "tz">, from: number): Generator<number, void> {
  let after = from - SKIPPED_MS;
  for (;;) {
    const next = Bun.cron.parse(cron, new Date(after), { tz })?.getTime();
    if (next === undefined) return;
    if (next > from) yield next;
    after = next;
  }
}

/** The next `n` beginnings after `from`, the earliest first; fewer if there are no more. */
export function nextRuns(schedule: Pick<Schedule, "cron" | "tz">, from: Date, n: number): Date[] {
  return beginnings(schedule, from.getTime())
    .take(n)
    .map((run) => new Date(run))
    .toArray();
}

/** The beginning at or before `now` whose window is still open: a start that was missed; undefined if there is none. */
export function openWindow(schedule: Schedule, now: Date): Date | undefined {
  const present = now.getTime();
  if (schedule.for === undefined) return undefined;
  let open: number | undefined;
  for (const run of beginnings(schedule, present - schedule.for)) {
    if (run > present) break;
    open = run;
  }
  return open === undefined ? undefined : new Date(open);
}
