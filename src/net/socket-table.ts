/**
 * What the kernel still holds of a connection's bytes: those that the other side has not acknowledged. It takes up to
 * four megabytes from us while a peer reads nothing, minutes of a small stream, and only its table of sockets tells.
 * Linux alone has that table; the runtime has no other way to ask.
 */

/** The two ports of a connection. Addresses are left out: where ports alone do not tell, nothing is said. */
export type SocketPorts = { readonly localPort: number; readonly remotePort: number };

const TABLES = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];

/** One reading for all who ask at the same moment: it takes milliseconds on a machine with much memory. */
let reading: Promise<string> | undefined;

/** Bytes that the other side of a connection has not acknowledged; undefined where that cannot be known. */
export async function unacknowledgedBytes(ports: SocketPorts): Promise<number | undefined> {
  if (process.platform !== "linux" || !(ports.localPort > 0 && ports.remotePort > 0)) return undefined;
  reading ??= readTables().finally(() => (reading = undefined));
  return unacknowledgedIn(await reading, ports);
}

/** The same in the text of a table: the bytes in the transmit queue of the one open connection with these ports. */
export function unacknowledgedIn(table: string, { localPort, remotePort }: SocketPorts): number | undefined {
  // `7: 0100007F:C49E 0100007F:A67F 01 00009C40:00000000 ...`: addresses with ports, state, transmit and receive queue.
  const row = new RegExp(`:${hex(localPort)} [0-9A-F]+:${hex(remotePort)} 01 ([0-9A-F]{8}):`, "g");
  const found = [...table.matchAll(row)];
  return found.length === 1 ? Number.parseInt(found[0]![1]!, 16) : undefined;
}

function hex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, "0");
}

async function readTables(): Promise<string> {
  const texts = TABLES.map((path) =>
    Bun.file(path)
      .text()
      .catch(() => ""),
  );
  return (await Promise.all(texts)).join("\n");
}
