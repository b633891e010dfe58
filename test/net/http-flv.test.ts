/** HTTP-FLV over the loopback: bodies as they come, answers that are refusals, and silence of each kind. */
import { afterEach, describe, expect, jest, spyOn, test } from "bun:test";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { RemoteError, TransportError } from "../../src/errors.ts";
import { connectionSweep } from "../../src/net/connection-sweep.ts";
import { httpSegments, type HttpTarget } from "../../src/net/http-flv.ts";
import { randomBytes } from "../support/mutate.ts";
import { freePort } from "../support/ports.ts";

const NEVER = new AbortController().signal;
const running: { stop(): void }[] = [];

afterEach(() => {
  jest.useRealTimers();
  for (const one of running.splice(0)) one.stop();
});

function serve(fetch: (request: Request) => Response | Promise<Response>): number {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch });
  running.push({ stop: () => void server.stop(true) });
  return server.port ?? 0;
}

function target(port: number, changes: Partial<HttpTarget> = {}): HttpTarget {
  return {
    url: `http://127.0.0.1:${port}/live/cam.flv?token=SECRET`,
    name: "http://h/live/cam.flv",
    tls: { ca: undefined, insecure: false },
    connectTimeout: 2000,
    stall: 2000,
    ...changes,
  };
}

async function read(where: HttpTarget, signal = NEVER): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of httpSegments(where, signal)) parts.push(part.slice());
  return Buffer.concat(parts);
}

async function failure(where: HttpTarget): Promise<Error> {
  const error = await read(where).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Error);
  expect((error as Error).message).toStartWith('Cannot read "http://h/live/cam.flv": ');
  expect((error as Error).message).not.toContain("SECRET");
  return error as Error;
}

/** A body that sends these parts, waiting in between, and ends or stays open. */
function body(parts: readonly Uint8Array[], options: { open?: boolean } = {}): Response {
  const stream = new ReadableStream<Uint8Array>({
    async start(controller) {
      for (const part of parts) {
        controller.enqueue(part);
        await Bun.sleep(5);
      }
      if (options.open !== true) controller.close();
    },
  });
  return new Response(stream);
}

describe("a body", () => {
  test("comes as it is", async () => {
    const bytes = randomBytes(1_000_000, 1);
    const port = serve(() => body([bytes.subarray(0, 3), bytes.subarray(3)]));
    expect(Buffer.from(bytes).equals(await read(target(port)))).toBe(true);
  });

  test("may be silent for longer than a timer can be set for", async () => {
    const port = serve(() => body([Buffer.from("FLV"), Buffer.from("flv")]));
    const bytes = await read(target(port, { stall: 25 * 24 * 3600 * 1000 }));
    expect(Buffer.from(bytes).toString()).toBe("FLVflv");
  });

  test("that is over is swept up behind", async () => {
    using over = spyOn(connectionSweep, "connectionOver");
    await read(target(serve(() => new Response("FLV"))));
    expect(over).toHaveBeenCalledTimes(1);
  });

  const text = "FLV".repeat(1000);
  const packed = { headers: { "content-encoding": "gzip" } };
  test.each<[string, () => Response, number]>([
    ["has a length and is read whole", () => new Response(text), 1],
    ["has no length", () => body([Buffer.from(text)]), 0],
    ["was packed for the way", () => new Response(Bun.gzipSync(Buffer.from(text)), packed), 0],
  ])("that %s", async (_name, response, whole) => {
    let told = 0;
    const port = serve(response);
    const bytes = await read(target(port, { onWhole: () => void told++ }));
    expect([Buffer.from(bytes).toString(), told]).toEqual([text, whole]);
  });

  test("that is cut short of its length is not whole", async () => {
    const head = "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n";
    const server = createServer((socket) => void socket.end(`${head}FLV`)).listen(0, "127.0.0.1");
    running.push({ stop: () => void server.close() });
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    let [told, text] = [0, ""];
    const cut = async (): Promise<void> => {
      const whole = target(port, { onWhole: () => void told++ });
      for await (const part of httpSegments(whole, NEVER)) text += Buffer.from(part).toString();
    };
    await expect(cut()).rejects.toThrow(TransportError);
    expect([text, told]).toEqual(["FLV", 0]);
  });

  test("is asked for with its token", async () => {
    let asked = "";
    const port = serve((request) => {
      asked = request.url;
      return body([]);
    });
    await read(target(port));
    expect(asked).toEndWith("/live/cam.flv?token=SECRET");
  });

  test("follows a redirect", async () => {
    const other = serve(() => body([Buffer.from("FLV")]));
    const port = serve(() => Response.redirect(`http://127.0.0.1:${other}/x.flv`, 302));
    expect(Buffer.from(await read(target(port))).toString()).toBe("FLV");
  });

  test("ends quietly when it is stopped", async () => {
    const port = serve(() => body([Buffer.from("FLV")], { open: true }));
    const controller = new AbortController();
    let segments = 0;
    for await (const _part of httpSegments(target(port), controller.signal)) {
      segments += 1;
      controller.abort();
    }
    expect(segments).toBe(1);
  });

  test("is not asked for when it was stopped before", async () => {
    let asked = 0;
    const port = serve(() => {
      asked += 1;
      return body([]);
    });
    expect(await read(target(port), AbortSignal.abort())).toHaveLength(0);
    expect(asked).toBe(0);
  });

  test("is not stalled while its reader takes his time", async () => {
    const port = serve(() => body([Buffer.from("a"), Buffer.from("b")]));
    let text = "";
    jest.useFakeTimers();
    for await (const part of httpSegments(target(port, { stall: 100 }), NEVER)) {
      text += Buffer.from(part).toString();
      jest.advanceTimersByTime(200);
    }
    expect(text).toBe("ab");
  });
});

describe("an answer that is a no", () => {
  test.each([
    [401, "auth", "the server refused: HTTP 401"],
    [403, "auth", "the server refused: HTTP 403"],
    [404, "not-live", "there is no such stream (HTTP 404)"],
    [500, "failed", "the server answers HTTP 500"],
    [503, "failed", "the server answers HTTP 503"],
  ])("%p", async (status, refusal, text) => {
    const port = serve(() => new Response("no", { status }));
    const error = await failure(target(port));
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({ refusal, code: `HTTP ${status}` });
    expect(error.message).toEndWith(`: ${text}`);
  });
});

describe("trouble on the way", () => {
  test("nobody listens", async () => {
    const error = await failure(target(await freePort()));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ fault: "refused" });
    expect(error.message).toEndWith(": connection refused");
  });

  test("no answer at all", async () => {
    const server: Server = createServer((socket) => socket.on("error", () => {}));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    running.push({ stop: () => void server.close() });
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const error = await failure(target(port, { connectTimeout: 100 }));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ fault: "timeout" });
    expect(error.message).toEndWith("no answer");
  });

  test("a body that falls silent", async () => {
    const port = serve(() => body([Buffer.from("FLV")], { open: true }));
    const error = await failure(target(port, { stall: 100 }));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ fault: "stalled" });
    expect(error.message).toEndWith("the server sends nothing");
  });

  test("a body that is cut off", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nFLV");
      setTimeout(() => socket.destroy(), 50);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    running.push({ stop: () => void server.close() });
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const error = await failure(target(port));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ fault: "reset" });
  });
});
