/** Which failures of a source are worth another attempt. */
import { describe, expect, test } from "bun:test";
import { DiskError, ProtocolError, RemoteError, TransportError, type Refusal } from "../../src/errors.ts";
import { judgeSource, type SourceFacts } from "../../src/pipeline/source-patience.ts";

const remote = (refusal: Refusal): RemoteError => new RemoteError("no", { code: "x", refusal });
const ERRORS = {
  refused: new TransportError("refused", "refused"),
  stalled: new TransportError("stalled", "stalled"),
  tls: new TransportError("tls", "tls"),
  local: new TransportError("taken", "local"),
  protocol: new ProtocolError("nonsense", { layer: "chunk" }),
  auth: remote("auth"),
  name: remote("name"),
  notLive: remote("not-live"),
  failed: remote("failed"),
  disk: new DiskError("gone", { path: "x", code: "ENOENT" }),
  bug: new Error("oops"),
};

const FACTS: SourceFacts = {
  everLive: false,
  window: undefined,
  follows: false,
  wait: undefined,
  sinceStart: 0,
  sinceLost: 0,
  failedSince: 99,
};

function judge(error: keyof typeof ERRORS, facts: Partial<SourceFacts>, attempts = 1, wait = 1000): string {
  return judgeSource({ ...FACTS, ...facts }, { error: ERRORS[error], attempts, wait });
}

describe("a source that was never live", () => {
  test.each<[keyof typeof ERRORS, number, string]>([
    ["refused", 1, "retry"],
    ["refused", 2, "retry"],
    ["refused", 3, "give-up"],
    ["protocol", 2, "retry"],
    ["failed", 2, "retry"],
    ["stalled", 1, "give-up"],
    ["notLive", 1, "give-up"],
    ["auth", 1, "give-up"],
    ["name", 1, "give-up"],
  ])("%s, attempt %p: %s", (error, attempts, decision) => {
    expect(judge(error, {}, attempts)).toBe(decision);
    const refused = error === "auth" || error === "name";
    expect(judge(error, { window: Infinity }, attempts)).toBe(refused ? "retry" : decision);
  });

  test.each<[keyof typeof ERRORS, number, number, string]>([
    ["auth", Infinity, 99_999_999, "retry"],
    ["auth", 7_200_000, 7_139_999, "retry"],
    ["auth", 7_200_000, 7_140_000, "give-up"],
    ["name", 60_000, 0, "give-up"],
  ])("%s, wanted for %p ms, after %p ms: %s", (error, window, sinceStart, decision) => {
    expect(judge(error, { window, sinceStart }, 99, 60_000)).toBe(decision);
  });

  test.each<[keyof typeof ERRORS, number, string]>([
    ["notLive", 58_999, "retry"],
    ["notLive", 59_000, "give-up"],
    ["refused", 58_999, "retry"],
    ["refused", 59_000, "give-up"],
    ["auth", 58_999, "retry"],
    ["auth", 59_000, "give-up"],
    ["tls", 0, "give-up"],
  ])("with --wait 1m: %s after %p ms: %s", (error, sinceStart, decision) => {
    expect(judge(error, { wait: 60_000, sinceStart }, 99)).toBe(decision);
  });
});

describe("a source that is followed", () => {
  test.each<[keyof typeof ERRORS, Partial<SourceFacts>, string]>([
    ["notLive", {}, "retry"],
    ["refused", {}, "retry"],
    ["auth", {}, "retry"],
    ["notLive", { wait: 60_000, sinceStart: 59_000 }, "give-up"],
    ["notLive", { everLive: true, sinceLost: 9_999_999 }, "retry"],
    ["auth", { everLive: true, sinceLost: 9_999_999 }, "retry"],
  ])("%s %j: %s", (error, facts, decision) => {
    expect(judge(error, { follows: true, ...facts }, 50)).toBe(decision);
  });
});

describe("a source that was live", () => {
  test.each<[keyof typeof ERRORS, Partial<SourceFacts>, string]>([
    ["refused", { sinceLost: 58_999 }, "retry"],
    ["refused", { sinceLost: 59_000 }, "give-up"],
    ["notLive", { sinceLost: 0 }, "retry"],
    ["auth", { sinceLost: 0 }, "retry"],
    ["refused", { sinceLost: 300_000, failedSince: 2 }, "retry"],
    ["auth", { sinceLost: 300_000, failedSince: 2 }, "retry"],
    ["refused", { sinceLost: 300_000, failedSince: 3 }, "give-up"],
    ["refused", { sinceLost: 9_999_999, window: Infinity }, "retry"],
    ["refused", { sinceLost: 4000, wait: 5000, failedSince: 0 }, "give-up"],
    ["refused", { sinceLost: 4000, wait: 5000 }, "give-up"],
    ["refused", { sinceLost: 3999, wait: 5000 }, "retry"],
  ])("%s %j: %s", (error, facts, decision) => {
    expect(judge(error, { everLive: true, ...facts }, 50)).toBe(decision);
  });
});

test.each(["tls", "local", "disk", "bug"] as const)("%s is nothing that time heals", (error) => {
  for (const everLive of [true, false]) {
    expect(judge(error, { everLive, window: Infinity, wait: 60_000 })).toBe("give-up");
  }
});
