/**
 * From a recipe's job to a Plan: each key that the definition knows reaches the plan here, or is refused with its place.
 */

import { DEFAULT_GRACE_MS, DEFAULT_RETRY, DEFAULT_STALL_MS } from "./defaults.ts";
import { AUDIO_EXAMPLES, parseAudio, withAudio, type AudioChoice } from "./audio.ts";
import { secretsOf as secretsOfUrl } from "./addresses.ts";
import { netPlan, secretsOfPlan } from "./from-flags.ts";
import { JobReader, long, type FromRecipe, type RecordRecipe, type ScheduleRecipe } from "./job-reader.ts";
import type { HookCommands, Plan, SinkPlan, SourcePlan } from "./plan.ts";
import { planSource, type PlannedSource } from "./recipe-source.ts";
import { planDestinations, planRecord, planRecordings, planRetry } from "./recipe-sinks.ts";
import { cronProblem, localZone, zoneProblem, type Schedule } from "./schedule.ts";
import { secretsOfCommands } from "./secrets.ts";
import { isProblem, parseUntil } from "./units.ts";
import { advised } from "./problems.ts";

/** A job that can run, and when it is to. */
export type PlannedJob = { readonly plan: Plan; readonly schedule: Schedule | undefined };

/** Platforms give out longer keys than this; in characters. */
const SHORTEST_KEY = 10;

/** Plans a job; problems are the reader's. `hidden` are secrets that variables brought. */
export function planFromRecipe(
  reader: JobReader,
  options: { readonly now: Date; readonly hidden: readonly string[] },
): PlannedJob | undefined {
  const { recipe } = reader;
  const from: Partial<FromRecipe> = long(recipe.from);
  const record: Partial<RecordRecipe> = long(recipe.record);
  const planned = planSource(reader, from);
  const retry = planRetry(reader, [], recipe.retry, DEFAULT_RETRY);
  const sinks = [...planRecordings(reader, record), ...planDestinations(reader, retry), ...players(planned)];
  const rules = planRecord(reader, record, sinks);
  const schedule = planSchedule(reader);
  const until = planUntil(reader, options.now);
  checkTimes(reader);
  const ca = reader.pem(["ca"], recipe.ca, "CERTIFICATE");
  if ([recipe.record, recipe.to, recipe.serve].every((part) => part === undefined || part === false)) {
    reader.say(
      [],
      `nothing is done with the stream of ${reader.name} — add record: FILE.flv or to: { NAME: URL }`,
      [["record"], ["to"], ["serve"]],
    );
  }
  const audio = planAudio(reader);
  const source = planned && reader.try(["audio"], "leave it out", () => withAudio(planned.source, audio));
  if (planned === undefined || source === undefined || reader.problems.length > 0) return undefined;
  const { listen, timeout } = planned;
  const net = { ca, insecure: recipe.insecure ?? false, bind: recipe.bind };
  const plan: Plan = {
    job: reader.name,
    verb: verbOf(source, sinks),
    source,
    sinks,
    listen,
    for: schedule?.for ?? recipe.for,
    until,
    wait: from.wait,
    follow: from.follow ?? false,
    grace: recipe.grace ?? DEFAULT_GRACE_MS,
    retry,
    net: netPlan(net, from.stall ?? timeout ?? DEFAULT_STALL_MS),
    realtime: from.realtime ?? true,
    loop: isFile(source) && (from.loop ?? false),
    ...(audio === "silent" ? { silentAudio: true } : {}),
    force: record.force ?? false,
    record: rules,
    hooks: hooksOf(reader),
    secrets: [],
  };
  return { plan: { ...plan, secrets: secretsOf(plan, reader, options.hidden) }, schedule };
}

function planAudio(reader: JobReader): AudioChoice | undefined {
  const { audio } = reader.recipe;
  if (audio === undefined) return undefined;
  return reader.try(["audio"], `write ${AUDIO_EXAMPLES}`, () => parseAudio(audio));
}

function players(planned: PlannedSource | undefined): SinkPlan[] {
  return planned?.listen?.playName === undefined ? [] : [{ kind: "players", name: "players" }];
}

/** Whether the source can be read again from its start. */
function isFile(source: SourcePlan): boolean {
  return source.kind === "file" || (source.kind === "capture" && source.input.kind === "file");
}

/** What the job would be as a command. */
function verbOf(source: SourcePlan, sinks: readonly SinkPlan[]): Plan["verb"] {
  const { kind } = source;
  if (kind === "file" || kind === "stdin" || kind === "testcard" || kind === "capture") return "push";
  return sinks.some((sink) => sink.kind === "rtmp" || sink.kind === "players") ? "relay" : "pull";
}

function planSchedule(reader: JobReader): Schedule | undefined {
  if (reader.recipe.schedule === undefined) return undefined;
  const { cron, tz = localZone(), for: window }: Partial<ScheduleRecipe> = long(reader.recipe.schedule);
  if (cron === undefined) {
    reader.say(["schedule"], '"schedule" has no beginning — write cron: "0 23 * * *"', [
      ["schedule", "cron"],
    ]);
    return undefined;
  }
  const wrongCron = cronProblem(cron);
  if (wrongCron !== undefined) reader.say(["schedule", "cron"], wrongCron);
  const wrongZone = zoneProblem(tz);
  if (wrongZone !== undefined) reader.say(["schedule", "tz"], wrongZone);
  return { cron, tz, for: window ?? reader.recipe.for };
}

function planUntil(reader: JobReader, now: Date): number | undefined {
  const { until: text } = reader.recipe;
  if (text === undefined) return undefined;
  const until = parseUntil(text, now);
  if (!isProblem(until)) return until;
  reader.say(["until"], advised(until, until.instead));
  return undefined;
}

/** Times that contradict each other. */
function checkTimes(reader: JobReader): void {
  const { recipe } = reader;
  const schedule = reader.owns(["schedule"]);
  if (recipe.for !== undefined && reader.owns(["for"]) && reader.owns(["schedule", "for"])) {
    reader.say(["for"], '"for" stands in the schedule too — keep that one');
  }
  if (schedule && reader.owns(["until"])) {
    reader.say(["until"], '"until" means nothing beside a schedule — write schedule: { cron: ..., for: 7h }');
  }
  if (reader.owns(["from", "grace"]))
    reader.say(["from", "grace"], '"grace" stands in the job too — keep one of them');
}

function hooksOf(reader: JobReader): HookCommands {
  const given = Object.entries(reader.recipe.on ?? {}).filter(([, argv]) => argv !== undefined);
  return Object.fromEntries(given);
}

/**
 * What must not be shown anywhere. The stream name behind a destination's URL is a key on a platform and a mere name on
 * a server of one's own: a short one is masked where the URL is shown, but not in every text, for that would blank out
 * half of the log.
 */
function secretsOf(plan: Plan, { recipe }: JobReader, hidden: readonly string[]): string[] {
  const key = plan.listen?.key;
  const sent = plan.sinks.flatMap((sink) => {
    if (sink.kind !== "rtmp") return [];
    const apart = long(recipe.to?.[sink.name]).key !== undefined;
    return secretsOfUrl(sink.url, { nameIsSecret: apart || sink.url.streamName.length >= SHORTEST_KEY });
  });
  const all = [
    ...secretsOfPlan(plan.source, [], []),
    ...secretsOfCommands(...Object.values(plan.hooks).map((argv) => ({ argv }))),
    ...sent,
    ...(key === undefined ? [] : [key]),
    ...hidden,
  ];
  return [...new Set(all)].filter((text) => text !== plan.job);
}
