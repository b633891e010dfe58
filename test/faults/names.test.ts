/**
 * Host names that cannot be resolved, that come back and that move. The program runs in a mount namespace of its own,
 * where names come from a file that the test changes under its feet, and no name server is asked.
 */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runWell } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";
import { Destination, LiveSource } from "./peers.ts";
import { ending, QUICK, Run } from "./relay.ts";
import { partProblems, wholeProblems } from "./stream.ts";

tidy();

/** Mounts the files of a folder ($1) over the system's and goes on as the rest of its arguments. */
const MOUNT = `
mount --bind "$1/hosts" /etc/hosts && mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf || exit 9
shift; exec "$@"`;
const inside = (folder: string): string[] => ["unshare", "-r", "-m", "sh", "-c", MOUNT, "sh", folder];

/** A folder whose `hosts` is what the program knows of names. */
function directory(hosts: Readonly<Record<string, string>>) {
  const folder = scratch("names");
  // In place: a mount goes on showing the file that was there when it was made.
  const set = (names: Readonly<Record<string, string>>): void =>
    writeFileSync(
      join(folder, "hosts"),
      Object.entries(names)
        .map(([name, at]) => `${at} ${name}\n`)
        .join(""),
    );
  writeFileSync(join(folder, "nsswitch.conf"), "hosts: files\n");
  set(hosts);
  return { folder, set };
}

/** Whether this machine lets us mount things in a namespace: containers often do not. */
async function mayMount(): Promise<boolean> {
  if (process.platform !== "linux") return false;
  return runWell([...inside(directory({}).folder), "true"]).then(
    () => true,
    () => false,
  );
}

const allowed = needs("unshare") && (await mayMount());
if (!allowed) console.log("skipped: names that change need a mount namespace, which is not permitted here");

/** Names that say nothing of where they lead. */
const [ORIGIN, INGEST, SPARE] = ["origin.test", "ingest.test", "spare.test"];
const HERE = "127.0.0.1";
/** Nobody listens there. */
const NOWHERE = "127.0.0.9";

/** How often the source's name was not found. */
const unknownOrigins = (run: Run): number =>
  run.child.stdout.split(`cannot resolve \\"${ORIGIN}\\": no such host name`).length - 1;

describe.skipIf(!allowed)("names", () => {
  test("are asked for at each attempt, of the source and of every destination", async () => {
    using source = new LiveSource();
    using first = new Destination();
    using second = new Destination();
    const { folder, set } = directory({ [SPARE]: HERE });
    const to = (name: string, host: string, { port }: Destination): string[] => [
      "-t",
      `${name}=rtmp://${host}:${port}/live/show`,
    ];
    const url = `rtmp://${ORIGIN}:${source.port}/live/show`;
    const flags = ["-o", "rec.flv", "--wait", "50s", "--json", ...QUICK];
    const argv = ["relay", url, ...to("moves", INGEST, first), ...to("spare", SPARE, second), ...flags];
    await using run = await Run.start(argv, 60_000, { before: inside(folder) });
    await run.child.says(`cannot resolve "${ORIGIN}": no such host name`);

    // The source's name is found, a destination's is not: the others go on without it.
    set({ [SPARE]: HERE, [ORIGIN]: HERE });
    await run.until("frames", () => second.frames > 30);
    await run.child.says(`cannot resolve "${INGEST}": no such host name`);

    // Its name leads nowhere, and then to where it is.
    set({ [SPARE]: HERE, [ORIGIN]: HERE, [INGEST]: NOWHERE });
    await run.child.says(`connection refused (${NOWHERE}:${first.port})`);
    set({ [SPARE]: HERE, [ORIGIN]: HERE, [INGEST]: HERE });
    await run.until("frames there", () => first.frames > 30);

    // A source whose name is gone when it is lost is found again.
    const looks = unknownOrigins(run);
    set({ [SPARE]: HERE });
    source.break();
    // The log tells the same failure once, the events each time.
    await run.until("more looks at its name", () => unknownOrigins(run) > looks + 1);
    set({ [ORIGIN]: HERE });
    await run.until("another session", () => source.sessions.length > 1 && source.current!.sent > 40);
    source.end();
    expect(ending(await run.child.finished)).toMatch(/^3 incomplete:.*1 gap/);
    expect(wholeProblems(await run.recorded(), source.sessions)).toEqual([]);
    expect(wholeProblems(second.got, source.sessions)).toEqual([]);
    for (const { got } of first.sessions) expect(partProblems(got, source.sessions)).toEqual([]);
    expect([first.sessions.length, second.sessions.length]).toEqual([1, 1]);
  });
});
