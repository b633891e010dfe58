/** TCP over the loopback: how connecting fails, back-pressure, and that finish() delivers everything or gives up. */
import { afterEach, describe, expect, jest, spyOn, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { TransportError } from "../../src/errors.ts";
import { connectionSweep } from "../../src/net/connection-sweep.ts";
import { connectTcp, type ConnectTarget } from "../../src/net/tcp.ts";
import type { ByteTransport } from "../../src/net/transport.ts";
import { supervise } from "../../src/pipeline/supervise.ts";
import { randomBytes } from "../support/mutate.ts";
import { freePort, until } from "../support/ports.ts";

const NEVER = new AbortController().signal;
const servers: Server[] = [];
const sockets: Socket[] = [];

afterEach(() => {
  jest.useRealTimers();
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** A server on a port of its own. Its connections read only when they are told to. */
async function makeServer(onConnection: (socket: Socket) => void = () => {}): Promise<number> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** What a connection received. */
function gather(socket: Socket) {
  const received = { bytes: 0, parts: [] as Buffer[], ended: false };
  socket.on("data", (part: Buffer) => {
    received.bytes += part.length;
    received.parts.push(part);
  });
  socket.on("end", () => {
    received.ended = true;
    socket.end();
  });
  socket.resume();
  return received;
}

function target(port: number, changes: Partial<ConnectTarget> = {}): ConnectTarget {
  return { host: "127.0.0.1", port, tls: undefined, bind: undefined, timeout: 5000, ...changes };
}

/** A handler that keeps what it hears. */
function makeHandler() {
  const heard = { data: [] as Uint8Array[], drains: 0, closes: [] as (Error | undefined)[] };
  const handler = {
    onData: (segment: Uint8Array) => void heard.data.push(new Uint8Array(segment)),
    onDrain: () => void heard.drains++,
    onClose: (error?: Error) => void heard.closes.push(error),
  };
  return { handler, heard };
}

async function failure(where: ConnectTarget, signal: AbortSignal = NEVER): Promise<TransportError> {
  const error = await connectTcp(where, makeHandler().handler, signal).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TransportError);
  return error as TransportError;
}

async function connect(onConnection?: (socket: Socket) => void) {
  const port = await makeServer(onConnection);
  const { handler, heard } = makeHandler();
  const transport = await connectTcp(target(port), handler, NEVER);
  await until("the server sees it", () => sockets.length > 0);
  return { transport, heard, socket: sockets.at(-1)! };
}

/** Fills the way to a peer that does not read. */
function fill(transport: ByteTransport): number {
  const part = randomBytes(256 * 1024, 1);
  let sent = 0;
  while (transport.writable) {
    transport.send(part);
    sent += part.length;
  }
  return sent;
}

describe("connecting fails", () => {
  test("when nobody listens", async () => {
    const port = await freePort();
    expect(await failure(target(port))).toMatchObject({
      fault: "refused",
      message: `connection refused (127.0.0.1:${port})`,
    });
  });

  test("when the host has no address", async () => {
    expect(await failure(target(1, { host: "name.invalid" }))).toMatchObject({ fault: "name" });
  });

  test("when the local address is not ours", async () => {
    const port = await makeServer();
    expect((await failure(target(port, { bind: "192.0.2.1" }))).fault).toBe("unreachable");
  });

  test("when it is stopped before", async () => {
    const port = await makeServer();
    expect((await failure(target(port), AbortSignal.abort())).fault).toBe("closed");
  });

  test("when it is stopped in between", async () => {
    const port = await makeServer();
    const controller = new AbortController();
    const tls = { ca: undefined, insecure: true };
    // A server that never answers the TLS handshake.
    const failing = failure(target(port, { tls }), controller.signal);
    await until("the server sees it", () => sockets.length > 0);
    controller.abort();
    expect((await failing).fault).toBe("closed");
  });

  test("when the server never answers the TLS handshake, as one does that waits for plain bytes", async () => {
    const port = await makeServer();
    const tls = { ca: undefined, insecure: true };
    const error = await failure(target(port, { tls, timeout: 1000 }));
    const message = `127.0.0.1:${port} did not answer the TLS handshake within 1s; does it speak TLS on this port?`;
    expect(error).toMatchObject({ fault: "timeout", message });
  });

  test.each([true, false])("when the server speaks no TLS, insecure: %p", async (insecure) => {
    const port = await makeServer((socket) => {
      socket.resume();
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    expect(await failure(target(port, { tls: { ca: undefined, insecure } }))).toMatchObject({
      fault: "tls",
      message: `TLS failed with 127.0.0.1:${port}: WRONG_VERSION_NUMBER; does it speak TLS on this port?`,
    });
  });

  test.each([true, false])(
    "when the server hangs up in the TLS handshake, insecure: %p",
    async (insecure) => {
      const port = await makeServer((socket) => socket.destroy());
      expect(await failure(target(port, { tls: { ca: undefined, insecure } }))).toMatchObject({
        fault: "reset",
        message: "the server closed the connection during the TLS handshake; does it speak TLS on this port?",
      });
    },
  );
});

test("every address of a name is tried", async () => {
  // The server listens on 127.0.0.1 alone; localhost is ::1 as well.
  const port = await makeServer();
  const transport = await connectTcp(target(port, { host: "localhost" }), makeHandler().handler, NEVER);
  transport.close();
});

test("a local address to connect from", async () => {
  const port = await makeServer();
  const transport = await connectTcp(target(port, { bind: "127.0.0.3" }), makeHandler().handler, NEVER);
  await until("the server sees it", () => sockets.length > 0);
  expect(sockets[0]!.remoteAddress).toBe("127.0.0.3");
  transport.close();
});

describe("a connection", () => {
  test("carries bytes both ways", async () => {
    const { transport, heard, socket } = await connect();
    const received = gather(socket);
    const bytes = randomBytes(300_000, 7);
    transport.send(bytes);
    socket.write("hello");
    await until("both", () => received.bytes === bytes.length && heard.data.length > 0);
    expect(Buffer.concat(received.parts).equals(bytes)).toBe(true);
    expect(Buffer.concat(heard.data).toString()).toBe("hello");
    transport.close();
  });

  test("holds back while the peer does not read, and goes on when it does", async () => {
    const { transport, heard, socket } = await connect();
    const sent = fill(transport);
    expect(transport.bufferedBytes).toBeGreaterThan(0);
    const received = gather(socket);
    await until("everything", () => received.bytes === sent);
    await until("the end of the wait", () => heard.drains > 0);
    expect([transport.writable, transport.bufferedBytes]).toEqual([true, 0]);
    const expected = randomBytes(256 * 1024, 1);
    const all = Buffer.concat(received.parts);
    for (let at = 0; at < all.length; at += expected.length) {
      expect(all.subarray(at, at + expected.length).equals(expected)).toBe(true);
    }
    transport.close();
  });

  test("stops reading when it is told to, and the peer feels it", async () => {
    const { transport, heard, socket } = await connect();
    transport.pause();
    const size = 30_000_000;
    let written = false;
    socket.write(Buffer.alloc(size), () => (written = true));
    await Bun.sleep(100);
    const before = heard.data.reduce((sum, part) => sum + part.length, 0);
    expect(before).toBeLessThan(size / 2);
    expect(written).toBe(false);
    transport.resume();
    await until("everything", () => heard.data.reduce((sum, part) => sum + part.length, 0) === size);
    transport.close();
  });

  test("that the peer closes says so once, without an error", async () => {
    const { heard, socket } = await connect();
    socket.resume();
    socket.end();
    await until("the end", () => heard.closes.length > 0);
    expect(heard.closes).toEqual([undefined]);
  });

  test("that the peer resets says so once", async () => {
    const { heard, socket } = await connect();
    socket.resetAndDestroy();
    await until("the end", () => heard.closes.length > 0);
    expect(heard.closes).toHaveLength(1);
  });

  test("that ends, whoever ends it, is swept up behind, once", async () => {
    using over = spyOn(connectionSweep, "connectionOver");
    const first = await connect();
    first.socket.resume();
    first.socket.end();
    await until("the end", () => first.heard.closes.length > 0);
    first.transport.close();
    expect(over).toHaveBeenCalledTimes(1);
    const second = await connect();
    second.transport.close();
    expect(over).toHaveBeenCalledTimes(2);
  });

  test("that was closed here says nothing more", async () => {
    const { transport, heard, socket } = await connect();
    transport.close();
    transport.send(randomBytes(10, 1));
    const received = gather(socket);
    await until("the server sees it", () => received.ended || socket.destroyed);
    await transport.finish();
    expect([heard.closes, received.bytes, transport.writable]).toEqual([[], 0, true]);
  });
});

describe("finish", () => {
  test("delivers everything and is done when the peer closes", async () => {
    const { transport, heard, socket } = await connect();
    const received = gather(socket);
    transport.send(randomBytes(1_000_000, 1));
    // No time passes here: it is the peer's end that is waited for.
    jest.useFakeTimers();
    await transport.finish();
    jest.useRealTimers();
    expect([received.bytes, received.ended, heard.closes]).toEqual([1_000_000, true, []]);
  });

  test("delivers what was kept too", async () => {
    const { transport, socket } = await connect();
    const sent = fill(transport);
    const finished = transport.finish();
    const received = gather(socket);
    await finished;
    await until("everything", () => received.bytes === sent && received.ended);
  });

  test("waits a second for a peer that never closes; what it has not read yet still reaches it", async () => {
    const { transport, socket } = await connect();
    transport.send(randomBytes(2_000_000, 1));
    expect(transport.bufferedBytes).toBe(0);
    await transport.finish();
    const received = gather(socket);
    await until("everything", () => received.bytes === 2_000_000 && received.ended);
  });

  test("gives up on a peer that takes nothing", async () => {
    const { transport, heard } = await connect();
    fill(transport);
    expect(transport.bufferedBytes).toBeGreaterThan(0);
    await transport.finish();
    expect([heard.closes, transport.bufferedBytes]).toEqual([[], 0]);
  });

  test("sends nothing that comes after it, and twice is once", async () => {
    const { transport, socket } = await connect();
    const received = gather(socket);
    transport.send(randomBytes(10, 1));
    const first = transport.finish();
    transport.send(randomBytes(10, 2));
    await Promise.all([first, transport.finish()]);
    expect(received.bytes).toBe(10);
  });
});

describe("a name", () => {
  /** A name server that answers with these, one after the other; the last for ever. */
  function nameServer(...answers: readonly (readonly string[] | Error)[]) {
    const asked: string[] = [];
    const resolve = async (host: string): Promise<string[]> => {
      const answer = answers[Math.min(asked.length, answers.length - 1)]!;
      asked.push(host);
      if (answer instanceof Error) throw answer;
      return [...answer];
    };
    return { asked, resolve };
  }

  test("that is not known at first, and moves, is asked for at each attempt", async () => {
    const port = await makeServer();
    const unknown = new TransportError('cannot resolve "cam.example": no such host name', "name");
    const names = nameServer(unknown, unknown, ["127.9.9.9"], ["127.9.9.9", "127.0.0.1"]);
    const where = target(port, { host: "cam.example" });
    const failures: unknown[] = [];
    const supervision = {
      policy: { min: 1, max: 2 },
      random: () => 0,
      now: () => performance.now(),
      sleep: async () => {},
      onFailure: ({ error }: { error: unknown }) => {
        failures.push((error as TransportError).fault);
        return "retry" as const;
      },
    };
    const attempt = () => connectTcp(where, makeHandler().handler, NEVER, names.resolve);
    const transport = await supervise(attempt, supervision, NEVER);
    transport?.close();
    expect(failures).toEqual(["name", "name", "refused"]);
    expect(names.asked).toEqual(Array(4).fill("cam.example"));
  });

  test("whose server never answers is given up in time", async () => {
    const resolve = () => new Promise<string[]>(() => {});
    const where = target(1, { host: "cam.example", timeout: 30 });
    const error = await connectTcp(where, makeHandler().handler, NEVER, resolve).catch((e: unknown) => e);
    expect(error).toMatchObject({
      fault: "name",
      message: 'cannot resolve "cam.example": no answer within 0.03s',
    });
  });

  test("whose server never answers does not hold up a stop", async () => {
    const stop = new AbortController();
    const resolve = () => new Promise<string[]>(() => {});
    const where = target(1, { host: "cam.example", timeout: 60_000 });
    const connecting = connectTcp(where, makeHandler().handler, stop.signal, resolve);
    stop.abort();
    expect(await connecting.catch((e: unknown) => e)).toMatchObject({ message: "stopped" });
  });
});

describe.if(process.platform === "linux")("what the peer's side has not acknowledged", () => {
  test("is nothing when the peer reads, and grows when it does not", async () => {
    const { transport, socket } = await connect();
    gather(socket);
    transport.send(randomBytes(100_000, 2));
    await until("everything is acknowledged", async () => (await transport.unacknowledgedBytes()) === 0);
    socket.pause();
    await until("the kernels are full", async () => {
      transport.send(randomBytes(100_000, 3));
      return ((await transport.unacknowledgedBytes()) ?? 0) > 500_000;
    });
    transport.close();
    expect(await transport.unacknowledgedBytes()).toBeUndefined();
  });
});
