/**
 * supervise: how long is waited between attempts, what starts the waits over, and how it ends.
 */
import { describe, expect, test } from "bun:test";
import { RemoteError, TransportError, type Refusal } from "../../src/errors.ts";
import {
  RESET_AFTER_MS,
  SESSION_MS,
  supervise,
  type AfterEnd,
  type Failure,
  type Supervision,
} from "../../src/pipeline/supervise.ts";
import { FakeClock } from "../support/fake-clock.ts";

const FAULT = new TransportError("connection refused", "refused");
const SIGNAL = new AbortController().signal;

function makeSupervision(clock: FakeClock, options: Partial<Supervision> = {}): Supervision {
  return {
    policy: { min: 1000, max: 60_000 },
    random: () => 0,
    now: clock.now,
    sleep: clock.sleep,
    onFailure: () => "retry",
    ...options,
  };
}

/** Fails `times` times with `error`, then resolves with "done". */
function failing(times: number, error: unknown = FAULT): () => Promise<string> {
  let left = times;
  return async () => {
    if (left-- > 0) throw error;
    return "done";
  };
}

async function waits(times: number, options: Partial<Supervision> = {}, error?: unknown): Promise<number[]> {
  const clock = new FakeClock();
  await supervise(failing(times, error), makeSupervision(clock, options), SIGNAL);
  return clock.slept;
}

function refused(refusal: Refusal, code = "NetStream.Publish.BadName"): RemoteError {
  return new RemoteError("no", { code, refusal });
}

describe("the wait", () => {
  test("doubles up to the longest", async () => {
    expect(await waits(9)).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  test.each([
    [0, 1000],
    [0.5, 875],
    [0.999_999, 750],
  ])("with chance %p is %p", async (chance, wait) => {
    expect(await waits(1, { random: () => chance })).toEqual([wait]);
  });

  test("stays at the longest for ever, without running over", async () => {
    const all = await waits(2000);
    expect(all.slice(6).every((wait) => wait === 60_000)).toBe(true);
  });

  test("is the shortest when both are the same", async () => {
    expect(await waits(3, { policy: { min: 5000, max: 5000 } })).toEqual([5000, 5000, 5000]);
  });

  test.each([
    ["auth", 60_000],
    ["name", 60_000],
    ["app", 60_000],
    ["not-live", 1000],
    ["failed", 1000],
  ] as const)("after the refusal %p is %p", async (refusal, wait) => {
    expect(await waits(1, {}, refused(refusal))).toEqual([wait]);
  });

  test("after a server hung up without a word is an ordinary one", async () => {
    expect(await waits(2, {}, refused("auth", "closed"))).toEqual([1000, 2000]);
  });
});

describe("flow", () => {
  async function waitsWithFlow(flowMs: readonly (number | undefined)[]): Promise<[number[], number[]]> {
    const clock = new FakeClock();
    const attempts: number[] = [];
    const onFailure = (failure: Failure): "retry" => {
      attempts.push(failure.attempts);
      return "retry";
    };
    let round = 0;
    const attempt = async (live: () => void): Promise<void> => {
      if (round === flowMs.length) return;
      const flow = flowMs[round++];
      if (flow !== undefined) {
        live();
        clock.time += flow;
        live();
      }
      throw FAULT;
    };
    await supervise(attempt, makeSupervision(clock, { onFailure }), SIGNAL);
    return [clock.slept, attempts];
  }

  test("of half a minute starts the waits over", async () => {
    const flow = [undefined, undefined, RESET_AFTER_MS, undefined];
    expect(await waitsWithFlow(flow)).toEqual([
      [1000, 2000, 1000, 2000],
      [1, 2, 1, 2],
    ]);
  });

  test("of less does not", async () => {
    const flow = [undefined, undefined, RESET_AFTER_MS - 1, 0];
    expect(await waitsWithFlow(flow)).toEqual([
      [1000, 2000, 4000, 8000],
      [1, 2, 3, 4],
    ]);
  });

  test("counts from the first sign of it", async () => {
    const clock = new FakeClock();
    const seen: number[] = [];
    let round = 0;
    const attempt = async (live: () => void): Promise<void> => {
      if (round++ === 1) return;
      clock.time += RESET_AFTER_MS;
      live();
      throw FAULT;
    };
    const onFailure = (failure: Failure): "retry" => {
      seen.push(failure.attempts);
      return "retry";
    };
    await supervise(attempt, makeSupervision(clock, { onFailure }), SIGNAL);
    expect(seen).toEqual([1]);
  });
});

describe("what is not there yet", () => {
  const ABSENT = new RemoteError("not live", { code: "NetStream.Play.StreamNotFound", refusal: "not-live" });
  const isAbsent = (error: unknown): boolean => error === ABSENT;

  test("is asked for every five seconds at least", async () => {
    expect(await waits(6, { isAbsent }, ABSENT)).toEqual([1000, 2000, 4000, 5000, 5000, 5000]);
  });

  test("but not more often than was asked for", async () => {
    const policy = { min: 8000, max: 60_000 };
    expect(await waits(3, { isAbsent, policy }, ABSENT)).toEqual([8000, 8000, 8000]);
    expect(await waits(3, { isAbsent, policy: { min: 1000, max: 3000 } }, ABSENT)).toEqual([
      1000, 2000, 3000,
    ]);
  });

  test("is no trouble: what breaks off after it is dialled at once", async () => {
    const clock = new FakeClock();
    let round = 0;
    const attempt = async (live: () => void): Promise<void> => {
      round += 1;
      if (round === 12) return;
      if (round % 4 !== 0) throw ABSENT;
      live();
      throw FAULT;
    };
    await supervise(attempt, makeSupervision(clock, { isAbsent }), SIGNAL);
    expect(clock.slept).toEqual([1000, 2000, 4000, 1000, 1000, 2000, 4000, 2000, 1000, 2000, 4000]);
  });

  test("is counted on while other attempts fail", async () => {
    const clock = new FakeClock();
    const counted: number[] = [];
    let round = 0;
    const attempt = async (): Promise<void> => {
      if (round++ === 6) return;
      throw round % 2 === 1 ? ABSENT : FAULT;
    };
    const onFailure = ({ attempts }: Failure): "retry" => {
      counted.push(attempts);
      return "retry";
    };
    await supervise(attempt, makeSupervision(clock, { isAbsent, onFailure }), SIGNAL);
    expect(counted).toEqual([1, 1, 2, 2, 3, 3]);
  });

  test("of what has flowed is a failure", async () => {
    const clock = new FakeClock();
    let left = 5;
    const attempt = async (live: () => void): Promise<void> => {
      live();
      if (left-- > 0) throw ABSENT;
    };
    await supervise(attempt, makeSupervision(clock, { isAbsent }), SIGNAL);
    expect(clock.slept).toEqual([1000, 2000, 4000, 8000, 16_000]);
  });
});

describe("an attempt that ends and is wanted again", () => {
  /** Sessions that flow for so many ms and end, or fail if negative; `after` is what follows an end. */
  async function sessions(flowMs: readonly number[], after: AfterEnd) {
    const clock = new FakeClock();
    const ends: number[] = [];
    const failures: number[] = [];
    let round = 0;
    const attempt = async (live: () => void): Promise<string> => {
      const flow = flowMs[round++]!;
      live();
      clock.time += Math.abs(flow);
      if (flow < 0) throw FAULT;
      return `session ${round}`;
    };
    const supervision: Supervision<string> = {
      ...makeSupervision(clock),
      onFailure: ({ attempts }) => {
        failures.push(attempts);
        return "retry";
      },
      onEnd: (_result, attempts) => {
        ends.push(attempts);
        return round === flowMs.length ? "over" : after;
      },
    };
    const result = await supervise(attempt, supervision, SIGNAL);
    return { slept: clock.slept, ends, failures, result };
  }

  test("soon waits longer each time", async () => {
    expect(await sessions([10, 20, 0, 5, 10], "again")).toEqual({
      slept: [1000, 2000, 4000, 8000],
      ends: [1, 2, 3, 4, 5],
      failures: [],
      result: "session 5",
    });
  });

  test("after a session waits the shortest time, and starts the waits over", async () => {
    const flow = [10, 10, SESSION_MS, SESSION_MS, SESSION_MS - 1, 10, 10];
    expect(await sessions(flow, "again")).toMatchObject({
      slept: [1000, 2000, 1000, 1000, 1000, 2000],
      ends: [1, 2, 0, 0, 1, 2, 3],
    });
  });

  test("in good order forgets attempts that failed before; these do not make short ends forgotten", async () => {
    expect(await sessions([-10, -10, -10, 10, -10, 10, -10, 10], "again")).toMatchObject({
      slept: [1000, 2000, 4000, 1000, 1000, 2000, 1000],
      ends: [1, 2, 3],
      failures: [1, 2, 3, 1, 1],
    });
  });

  test("after a failure with real flow before it waits the shortest time", async () => {
    expect(await sessions([-10, -10, -RESET_AFTER_MS, -10, SESSION_MS], "again")).toMatchObject({
      slept: [1000, 2000, 1000, 2000],
      failures: [1, 2, 1, 2],
    });
  });

  test("is no short one any more when one has flowed that broke off", async () => {
    expect(await sessions([10, 10, 10, -SESSION_MS, 10, 10], "again")).toMatchObject({
      ends: [1, 2, 3, 1, 2],
      failures: [1],
    });
  });

  test("at once does not wait, and is counted all the same", async () => {
    expect(await sessions([10, 10, -10, 10, SESSION_MS], "at-once")).toMatchObject({
      slept: [1000],
      ends: [1, 2, 3, 0],
      failures: [1],
    });
  });

  test("does not begin again when it was aborted", async () => {
    const controller = new AbortController();
    let asked = 0;
    const attempt = async (): Promise<string> => {
      controller.abort();
      return "stopped";
    };
    const onEnd = (): AfterEnd => {
      asked += 1;
      return "again";
    };
    const supervision = { ...makeSupervision(new FakeClock()), onEnd };
    expect(await supervise(attempt, supervision, controller.signal)).toBe("stopped");
    expect(asked).toBe(0);
  });
});

describe("the end", () => {
  test("is what the attempt resolves with", async () => {
    expect(await supervise(failing(0), makeSupervision(new FakeClock()), SIGNAL)).toBe("done");
  });

  test("is the error when the caller gives up, without a wait", async () => {
    const clock = new FakeClock();
    let told: Failure | undefined;
    const onFailure = (failure: Failure): "give-up" => {
      told = failure;
      return "give-up";
    };
    const run = supervise(failing(1), makeSupervision(clock, { onFailure }), SIGNAL);
    expect(run).rejects.toBe(FAULT);
    await run.catch(() => {});
    expect(clock.slept).toEqual([]);
    expect(told).toEqual({ error: FAULT, attempts: 1, wait: 1000 });
  });

  test("comes before the first attempt when it is aborted already", async () => {
    let attempts = 0;
    const attempt = async (): Promise<void> => void attempts++;
    expect(await supervise(attempt, makeSupervision(new FakeClock()), AbortSignal.abort())).toBeUndefined();
    expect(attempts).toBe(0);
  });

  test("comes in the middle of a wait", async () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    clock.onSleep = () => controller.abort();
    expect(await supervise(failing(5), makeSupervision(clock), controller.signal)).toBeUndefined();
    expect(clock.slept).toHaveLength(1);
  });

  test("is quiet when an attempt fails because it was aborted", async () => {
    const controller = new AbortController();
    let told = 0;
    const attempt = async (): Promise<never> => {
      controller.abort();
      throw FAULT;
    };
    const onFailure = (): "retry" => {
      told++;
      return "retry";
    };
    const supervision = makeSupervision(new FakeClock(), { onFailure });
    expect(await supervise(attempt, supervision, controller.signal)).toBeUndefined();
    expect(told).toBe(0);
  });
});
