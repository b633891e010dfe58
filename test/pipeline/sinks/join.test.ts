/** Outages of the source: which of them end a file, and the time in a file that goes on. */
import { afterAll, describe, expect, test } from "bun:test";
import { getProperty } from "../../../src/amf/amf0.ts";
import { TransportError } from "../../../src/errors.ts";
import { FakeJob, makePlan, scriptedSource } from "../../support/fake-job.ts";
import { until } from "../../support/ports.ts";
import { TestRecording } from "../../support/recordings.ts";
import { removeScratch } from "../../support/scratch.ts";
import { SinkHost } from "../../support/sink-host.ts";

afterAll(removeScratch);

/** Two sessions with this much time between them. */
async function sessions(join: number | undefined, away: number, second = "M1 V1 A1 K0 a5 f40") {
  const recording = new TestRecording({ join });
  const first = await recording.record("M1 V1 A1 K500 a505 f540", { more: true });
  const openBetween = recording.names;
  recording.pass(away);
  const host = await recording.record(second);
  return { recording, openBetween, files: [...first.files, ...host.files], host };
}

describe("a second session", () => {
  test("after less than --join goes on in the same file, its time behind what was there", async () => {
    const { recording, openBetween, files } = await sessions(90_000, 89_000);
    expect(openBetween).toEqual(["show-1.flv.part"]);
    expect(recording.names).toEqual(["show-1.flv"]);
    expect(recording.text("show-1.flv")).toBe("V0 A0 K0 a5 f40 K80 a85 f120");
    expect(getProperty(recording.head("show-1.flv"), "duration")).toBe(0.12);
    expect(files.map((file) => file.ms)).toEqual([120]);
  });

  test("after more than that starts the next", async () => {
    const { recording } = await sessions(90_000, 91_000);
    expect(recording.names.map((name) => recording.text(name))).toEqual(Array(2).fill("V0 A0 K0 a5 f40"));
  });

  test("of another codec starts the next at once", async () => {
    const { recording } = await sessions(90_000, 1000, "M1 V2 A1 K0 a5 f40");
    expect(recording.names.map((name) => recording.text(name))).toEqual(Array(2).fill("V0 A0 K0 a5 f40"));
  });

  test("without --join starts the next", async () => {
    const { recording, openBetween } = await sessions(undefined, 1);
    expect(openBetween).toEqual(["show-1.flv"]);
    expect(recording.names).toEqual(["show-1.flv", "show-2.flv"]);
  });
});

test("a file that waits for a source that does not come back is finished in time", async () => {
  const recording = new TestRecording({ join: 50 });
  const host = await recording.record("V1 K0 f40", { more: true });
  expect(recording.names).toEqual(["show-1.flv.part"]);
  await until("it is finished", () => host.files.length === 1);
  expect(recording.names).toEqual(["show-1.flv"]);
  // What comes then is a file of its own, the waiting session having begun before.
  await recording.record("V1 K0");
  expect(recording.names).toEqual(["show-1.flv", "show-2.flv"]);
});

test("the end of the job finishes a file that waits", async () => {
  const recording = new TestRecording({ join: 90_000 });
  const host = await recording.record("V1 K0 f40", { more: true });
  await recording.close();
  expect([recording.names, host.files.length]).toEqual([["show-1.flv"], 1]);
});

describe("an outage within a session", () => {
  async function withGap(join: number | undefined, ms: number) {
    const recording = new TestRecording({ join });
    const host = new SinkHost();
    const run = host.run(recording.sink);
    host.feed("V1 A1 K0 a5 f40");
    recording.sink.gap!(41, ms);
    host.feed("a80 K85 f125");
    host.end();
    await run;
    await recording.close();
    return recording.names.map((name) => recording.text(name));
  }

  test.each([
    ["shorter than --join", 5000, 4000],
    ["longer, without --join", undefined, 90_000],
  ])("that is %s changes nothing", async (_name, join, ms) => {
    expect(await withGap(join, ms)).toEqual(["V0 A0 K0 a5 f40 a80 K85 f125"]);
  });

  test("that is longer than --join starts the next file with the first thing behind it", async () => {
    expect(await withGap(5000, 6000)).toEqual(["V0 A0 K0 a5 f40", "V0 A0 a0 K5 f45"]);
  });
});

describe("a job whose source is away for longer than the grace", () => {
  const lost = new TransportError("connection reset", "reset");

  async function record(join: number | undefined) {
    const recording = new TestRecording({ join });
    const source = scriptedSource(
      "played",
      async ({ push }) => {
        push("M1 V1 K500 f540");
        await until("it is open", () => recording.names.length > 0);
        throw lost;
      },
      async ({ push }) => {
        await until("the episode is over", () => job.status?.sinks[0]?.state !== "live");
        push("M1 V1 K9000 f9040");
        return "the end";
      },
    );
    const job = new FakeJob(makePlan({ grace: 10 }), source, [recording.sink]);
    const report = await job.done;
    return { recording, report };
  }

  test("and less than --join: the file goes on over the episode", async () => {
    const { recording, report } = await record(60_000);
    expect(recording.names.map((name) => recording.text(name))).toEqual(["V0 K0 f40 K80 f120"]);
    expect([report.files.length, report.gaps.count]).toEqual([1, 1]);
  });

  test("and no --join: the file ends", async () => {
    const { recording, report } = await record(undefined);
    expect(recording.names.map((name) => recording.text(name))).toEqual(Array(2).fill("V0 K0 f40"));
    expect(report.files).toHaveLength(2);
  });
});
