/**
 * SharedAddresses: two jobs that would listen on the same address and port, of which only one gets it. Planned jobs go
 * in, problems with a place come out. Jobs that both have a schedule may take turns. For the jobs
 * of one recipe, and for those of all that run together.
 */

import { formatHostPort } from "../host-text.ts";
import type { PlannedJob } from "./from-recipe.ts";
import type { ListenPlan } from "./plan.ts";
import type { RecipeProblem } from "./problems.ts";
import type { Path, Place } from "./tree.ts";

/** A job, and where its values came from. */
export type PlacedJob = PlannedJob & { readonly origin: (...paths: readonly Path[]) => Place | undefined };

/** Where the address of a listener stands: the source's own, or that for players. */
const OF_SOURCE: readonly Path[] = [["from", "listen"], ["from", "url"], ["from"]];
const OF_PLAYERS: readonly Path[] = [["serve", "at"], ["serve"]];

/** What is wrong with jobs that listen where another one does, at the later of the two. */
export function sharedAddresses(jobs: readonly PlacedJob[]): RecipeProblem[] {
  return jobs.flatMap((job, i) => {
    const first = jobs.slice(0, i).find((other) => collide(other, job));
    if (first === undefined) return [];
    const where = formatHostPort(job.plan.listen!);
    const text = `the job "${first.plan.job}" listens on ${where} too — give one of them another port`;
    const paths = job.plan.source.kind === "listen" ? OF_SOURCE : OF_PLAYERS;
    return [{ place: job.origin(...paths) ?? { kind: "none" }, text }];
  });
}

function collide(a: PlacedJob, b: PlacedJob): boolean {
  const [one, other] = [a.plan.listen, b.plan.listen];
  if (one === undefined || other === undefined) return false;
  if (a.schedule !== undefined && b.schedule !== undefined) return false;
  return one.port === other.port && one.port !== 0 && meet(one, other);
}

/** Whether two addresses are one, or one of them stands for all of its kind. */
function meet(a: ListenPlan, b: ListenPlan): boolean {
  const [one, other] = [plain(a.host), plain(b.host)];
  const all = one.includes(":") ? "::" : "0.0.0.0";
  const sameKind = one.includes(":") === other.includes(":");
  return one === other || (sameKind && (one === all || other === all));
}

function plain(host: string): string {
  return host === "localhost" ? "127.0.0.1" : host.toLowerCase();
}
