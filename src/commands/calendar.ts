/**
 * Moments in words, as a clock in a given time zone shows them.
 */

/** `Fri 2026-11-20 23:00 Europe/Berlin`. */
export function formatTime(ms: number, tz: string): string {
  const part = partsOf(ms, tz);
  return `${dateOf(part)} ${part("hour")}:${part("minute")} ${tz}`;
}

/** `Fri 2026-11-20 23:00:00 GMT+01:00 (2026-11-20T22:00:00Z)`. */
export function formatExactTime(ms: number, tz: string): string {
  const part = partsOf(ms, tz);
  const clock = `${part("hour")}:${part("minute")}:${part("second")} ${part("timeZoneName")}`;
  return `${dateOf(part)} ${clock} (${new Date(ms).toISOString().replace(".000", "")})`;
}

type Part = (type: Intl.DateTimeFormatPartTypes) => string;

function partsOf(ms: number, tz: string): Part {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: tz,
    weekday: "short",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "longOffset",
  }).formatToParts(new Date(ms));
  return (type) => parts.find((one) => one.type === type)?.value ?? "";
}

function dateOf(part: Part): string {
  return `${part("weekday")} ${part("year")}-${part("month")}-${part("day")}`;
}
