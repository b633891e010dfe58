/**
 * Ports and waiting. Every server of a test listens on 127.0.0.1 on a port asked from the kernel, and a test waits
 * for what it needs (a port that answers, a line in a log) instead of sleeping. Called by all other helpers.
 */
import { connect, createServer } from "node:net";

/** Returns a port of 127.0.0.1 that nothing listens on. */
export function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    server.close(() => {
      if (address !== null && typeof address === "object") resolve(address.port);
      else reject(new Error("the kernel gave no port"));
    });
  });
  return promise;
}

/** Resolves with the first value that is neither false, null nor undefined; throws after `timeout` ms. */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  timeout = 10_000,
): Promise<NonNullable<T>> {
  const end = performance.now() + timeout;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== null && value !== false) return value;
    if (performance.now() > end) throw new Error(`waited ${timeout} ms in vain: ${what}`);
    await Bun.sleep(10);
  }
}

function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1");
  socket.once("connect", () => {
    socket.destroy();
    resolve(true);
  });
  socket.once("error", () => resolve(false));
  return promise;
}

/** Waits until something accepts connections on `port`. */
export async function untilListening(port: number): Promise<void> {
  await until(`nothing listens on 127.0.0.1:${port}`, () => answers(port));
}

/**
 * Waits until the kernel lists a listener on `port`, without connecting: a server that takes only one client
 * (ffmpeg -listen 1) would take the probe for its client.
 */
export async function untilBound(port: number): Promise<void> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  await until(`nothing is bound to port ${port}`, async () => {
    const table = await Bun.file("/proc/net/tcp").text();
    return table.split("\n").some((line) => {
      const [, local, , state] = line.trim().split(/\s+/);
      return local?.endsWith(suffix) === true && state === "0A";
    });
  });
}
