/**
 * The rule that tells a peer who takes nothing from one who is slow: connections are told as tables of what left in each
 * second and what became of it, and no clock runs.
 */
import { describe, expect, test } from "bun:test";
import { SendProgress } from "../../src/net/send-progress.ts";
import { unacknowledgedIn } from "../../src/net/socket-table.ts";

const STALL = 15_000;

/** A connection after `second` seconds: bytes sent by the program, and how many of them reached the peer's kernel. */
type Line = (second: number) => {
  sent: number;
  arrived: number;
  /** What our kernel takes at most; the rest is kept by the program. */
  room?: number;
  /** The kernel does not tell. */
  silent?: boolean;
};

/** The second in which the peer counts as stuck within ten minutes, and how often the kernel was asked. */
function watch(line: Line): { stuckAt: number | undefined; asked: number } {
  const progress = new SendProgress(STALL);
  let asked = 0;
  for (let second = 0; second <= 600; second++) {
    const { sent, arrived, room = 4_000_000, silent = false } = line(second);
    const taken = Math.min(sent, arrived + room);
    const kept = sent - taken;
    const wants = progress.wantsKernel({ taken, kept }, second * 1000);
    if (wants) asked += 1;
    const unacknowledged = wants && !silent ? taken - arrived : undefined;
    if (progress.isStuck({ taken, kept, unacknowledged }, second * 1000)) return { stuckAt: second, asked };
  }
  return { stuckAt: undefined, asked };
}

/** 300 kbit/s in bytes a second. */
const SMALL = 37_500;
/** What the kernel of a peer takes without its program. */
const PEER_ROOM = 131_072;

describe("a peer that is never dropped:", () => {
  test.each<[string, Line]>([
    ["takes everything at once", (s) => ({ sent: SMALL * s, arrived: SMALL * s })],
    ["is a second behind", (s) => ({ sent: SMALL * s, arrived: SMALL * Math.max(0, s - 1) })],
    ["is behind by ten seconds, always", (s) => ({ sent: SMALL * s, arrived: SMALL * Math.max(0, s - 10) })],
    [
      "takes half of what comes, then less and less",
      (s) => ({ sent: SMALL * s, arrived: Math.min(SMALL * s, SMALL * 40 * Math.log2(1 + s / 40)) }),
    ],
    ["takes one byte a second", (s) => ({ sent: SMALL * s, arrived: s })],
    [
      "takes nothing for 14 s, again and again",
      (s) => ({ sent: SMALL * s, arrived: SMALL * (s - (s % 14)) }),
    ],
    ["gets nothing", () => ({ sent: 5000, arrived: 5000 })],
    ["is a fast one", (s) => ({ sent: 3_000_000 * s, arrived: 3_000_000 * s - (s === 0 ? 0 : 90_000) })],
    // TLS: the kernel holds more bytes than were handed to it.
    ["is behind TLS", (s) => ({ sent: SMALL * s, arrived: SMALL * s - (s === 0 ? 0 : 20 + (s % 7)) })],
    ["cannot be asked about", (s) => ({ sent: SMALL * s, arrived: SMALL * s, silent: true })],
  ])("one that %s", (_name, line) => {
    expect(watch(line).stuckAt).toBeUndefined();
  });
});

describe("a peer that is dropped:", () => {
  const within = (line: Line, first: number, last: number): void => {
    const { stuckAt = Infinity } = watch(line);
    expect(stuckAt).toBeWithin(first, last + 1);
  };

  test("one that never reads a small stream: as soon as its own kernel is full", () => {
    // 131,072 bytes are 3.5 s of this stream.
    within((s) => ({ sent: SMALL * s, arrived: Math.min(SMALL * s, PEER_ROOM) }), 18, 24);
  });

  test("one that stops reading after minutes", () => {
    within((s) => ({ sent: SMALL * s, arrived: SMALL * Math.min(s, 300) }), 315, 320);
  });

  test("one behind TLS that stops reading", () => {
    const arrived = (s: number): number => SMALL * Math.min(s, 100) - 30 * Math.max(0, s - 100);
    within((s) => ({ sent: SMALL * s, arrived: arrived(s) }), 115, 120);
  });

  test("one that takes nothing of what is kept here, whatever the kernel says", () => {
    const line: Line = (s) => ({
      sent: 3_000_000 * s,
      arrived: Math.min(s, 60) * 3_000_000,
      room: 4_000_000,
    });
    within(line, 75, 79);
    within((s) => ({ ...line(s), silent: true }), 75, 79);
  });

  test("one of which nobody knows more: when the kernel is full", () => {
    // 4 MB are 107 s of this stream.
    within((s) => ({ sent: SMALL * s, arrived: 0, silent: true }), 121, 123);
  });
});

test("the kernel is asked four times in a stall time, and not about streams that fill it", () => {
  expect(watch((s) => ({ sent: SMALL * s, arrived: SMALL * s })).asked).toBeWithin(140, 165);
  expect(watch((s) => ({ sent: 750_000 * s, arrived: 750_000 * s })).asked).toBeLessThan(3);
});

describe("the kernel's table of sockets", () => {
  const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:A67F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1
   7: 0100007F:C49E 0100007F:A67F 01 0002ED40:00000000 04:00000040 00000000     0        1 4243 2
  15: 0100007F:A67F 0100007F:C49E 01 00000000:0001F4C0 00:00000000 00000000     0        0 4244 1
  16: 0100007F:C4A0 0100007F:A67F 06 00000010:00000000 00:00000000 00000000     0        0 4245 1
  17: 0100007F:C4A1 0200007F:A67F 01 00000001:00000000 00:00000000 00000000     0        0 4246 1
  18: 0100007F:C4A1 0300007F:A67F 01 00000002:00000000 00:00000000 00000000     0        0 4247 1
   0: 00000000000000000000000001000000:B0C2 00000000000000000000000001000000:078F 01 00000200:00000000 00:00000000 0`;

  test.each([
    ["what waits for an acknowledgement", 0xc49e, 0xa67f, 0x2ed40],
    ["nothing waits", 0xa67f, 0xc49e, 0],
    ["IPv6", 0xb0c2, 0x078f, 0x200],
    ["no such connection", 0xc49f, 0xa67f, undefined],
    ["one that is closing", 0xc4a0, 0xa67f, undefined],
    ["two with the same ports", 0xc4a1, 0xa67f, undefined],
  ])("%s", (_name, localPort, remotePort, expected) => {
    expect(unacknowledgedIn(TABLE, { localPort, remotePort })).toBe(expected);
  });
});
