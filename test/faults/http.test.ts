/**
 * A source over HTTP-FLV that fails instead of answering, or in the middle of the stream: the next connection is a good
 * one, and nothing of what it sent is lost on the way to the recording and to a destination.
 */
import { describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { join } from "node:path";
import { randomBytes } from "../support/mutate.ts";
import { events, expectLastLine, runnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";
import { type HttpLine, type HttpOptions, HttpSource } from "./http.ts";
import { Destination, IN_FLIGHT_MS, type SessionRun } from "./peers.ts";
import { ending, MOST_MEMORY, QUICK, Run } from "./relay.ts";
import { wholeProblems } from "./stream.ts";

tidy();

const ENOUGH = 60;

/** Relays a source until its last session has brought enough; returns exit code and last line. */
async function survives(options: HttpOptions, sessions: number, path?: string): Promise<string> {
  using source = await HttpSource.start(options);
  using good = new Destination();
  const flags = ["-o", "rec.flv", "--wait", "30s", ...QUICK];
  await using run = await Run.start(["relay", source.url(path), good.url(), ...flags]);
  await run.until("the last session of the source", () => source.sessions.length >= sessions);
  await run.until("enough of it", () => source.current!.sent >= ENOUGH);
  source.end();
  const result = await run.child.finished;
  expect(wholeProblems(await run.recorded(), source.sessions)).toEqual([]);
  expect(good.sessions).toHaveLength(1);
  expect(wholeProblems(good.got, source.sessions)).toEqual([]);
  expect(await run.memory).toBeLessThan(MOST_MEMORY);
  return ending(result);
}

/** An answer without a body. */
const answer =
  (status: string, ...headers: string[]) =>
  (socket: Socket): void =>
    void socket.end([`HTTP/1.1 ${status}`, "Content-Length: 0", ...headers, "", ""].join("\r\n"));

describe.concurrent("an HTTP-FLV source whose first answer", () => {
  test.each<[string, (socket: Socket) => void]>([
    ["is a reset", (socket) => void socket.resetAndDestroy()],
    ["is a close", (socket) => void socket.end()],
    ["never comes", () => {}],
    ["is garbage", (socket) => void socket.end(randomBytes(3000, 5))],
    [
      "has no body that is FLV",
      (socket) => void socket.end(`HTTP/1.1 200 OK\r\n\r\n${"<p>hello".repeat(500)}`),
    ],
    ["is 404", answer("404 Not Found")],
    ["is 503", answer("503 Service Unavailable")],
  ])("%s", async (_name, act) => {
    const first: HttpOptions["answer"] = (socket, request) => {
      if (request > 0) return;
      act(socket);
      return "mine";
    };
    expect(await survives({ answer: first }, 1)).toStartWith("0 done:");
  });

  test("is a redirect, to another path and back to where the stream is", async () => {
    const moved: HttpOptions["answer"] = (socket, request) => {
      if (request > 1) return;
      answer("302 Found", `Location: /${request === 0 ? "other" : "third"}.flv`)(socket);
      return "mine";
    };
    expect(await survives({ answer: moved }, 1, "/first.flv")).toStartWith("0 done:");
  });
});

test("a file at an HTTP address is recorded once, whatever time was named", async () => {
  const file = Bun.file(join(import.meta.dir, "../fixtures/flv/show.flv"));
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(file) });
  const out = join(scratch(), "out.flv");
  const result = await runnel([
    "pull",
    `http://127.0.0.1:${server.port}/a.flv`,
    out,
    "--for",
    "1h",
    "--json",
  ]);
  const told = events(result).map(({ event }) => event);
  expect(told.filter((event) => event === "ended" || event === "gap")).toEqual(["ended"]);
  expectLastLine(result, /in 1 file/);
});

describe.concurrent("an HTTP-FLV source that in the middle of the stream", () => {
  const middle = async (act: (line: HttpLine, run: SessionRun<HttpLine>) => void): Promise<string> => {
    const live = (run: SessionRun<HttpLine>): void => {
      if (run.session.number > 0) return;
      const timer = setInterval(() => {
        if (run.sent < 40) return;
        clearInterval(timer);
        run.hush();
        act(run.line, run);
      }, 5);
    };
    return survives({ live }, 2);
  };

  test("is reset", async () => {
    const end = await middle(({ socket }, { session }) => {
      session.sureUntil = performance.now() - IN_FLIGHT_MS;
      socket.resetAndDestroy();
    });
    expect(end).toMatch(/^3 incomplete:.*1 gap/);
  });

  test("is cut", async () => {
    const end = await middle(({ socket }, { session }) => {
      session.sureUntil = performance.now() - IN_FLIGHT_MS;
      socket.end();
    });
    expect(end).toMatch(/^3 incomplete:.*1 gap/);
  });

  test("falls silent", async () => {
    expect(await middle(() => {})).toMatch(/^3 incomplete:.*1 gap/);
  });

  test("brings garbage for chunks", async () => {
    const end = await middle(({ socket }, { session }) => {
      session.sureUntil = performance.now() - IN_FLIGHT_MS;
      socket.write(randomBytes(5000, 3));
    });
    expect(end).toMatch(/^3 incomplete:.*1 gap/);
  });
});

describe.concurrent("an HTTP-FLV source", () => {
  test("with garbage between its tags: it is skipped, and no frame with it", async () => {
    const live = (run: SessionRun<HttpLine>): void => {
      const timer = setInterval(() => {
        if (run.sent < 30) return;
        clearInterval(timer);
        run.line.chunk(randomBytes(5000, 3));
      }, 5);
    };
    expect(await survives({ live }, 1)).toStartWith("0 done:");
  });

  test("that is slow: a byte at a time, late but whole", async () => {
    // Between the network's pieces and the tags there is no relation.
    const live = ({ line }: SessionRun<HttpLine>): void => {
      const write = line.socket.write.bind(line.socket) as (bytes: Uint8Array | string) => boolean;
      line.socket.write = (bytes: Uint8Array | string): boolean => {
        for (const one of Buffer.from(bytes)) write(Buffer.of(one));
        return true;
      };
    };
    expect(await survives({ live }, 1)).toStartWith("0 done:");
  });

  test("that is refused for good ends the job and says why", async () => {
    using source = await HttpSource.start({
      answer: (socket) => {
        answer("403 Forbidden")(socket);
        return "mine";
      },
    });
    await using run = await Run.start(["pull", source.url("/live.flv?key=SECRET"), "rec.flv", ...QUICK]);
    const result = await run.child.finished;
    expect(ending(result)).toMatch(/^5 nothing recorded: .*HTTP 403/);
    expect(result.stderr).not.toContain("SECRET");
    expect(source.requests).toHaveLength(1);
  });
});
