/**
 * The RTMP handshake, client and server, without sockets: segments go in, packets to send come out. Called by
 * connection.ts, which feeds everything received until `done`. Time and random bytes are arguments.
 *
 *     client                        server
 *     C0 C1          ------------>                  1 + 1536 bytes
 *                    <------------  S0 S1 S2        1 + 1536 + 1536
 *     C2             ------------>                  1536, sent as soon as S1 is there
 *
 * Packets 1 are time, version, 1528 random bytes. In the digest form these hide an HMAC of the packet at a place
 * that depends on its bytes (two layouts), and packet 2 is signed with the digest of the other side's packet 1.
 * Nobody's packet 2 is ever verified: real peers send anything there. Only here may rtmp/ hash, so
 * what auth.ts needs is here too; Bun's hasher, because node:crypto costs 5 MiB of resident memory.
 */
import { ProtocolError } from "../errors.ts";

/** The length of C1, S1, C2 and S2. */
export const PACKET_SIZE = 1536;
/** How many random bytes packet 1 takes, */
export const RANDOM_SIZE = 1528;
/** and packet 2 when it is signed. */
export const SIGNED_RANDOM_SIZE = 1504;

const VERSION = 3;
const DIGEST_SIZE = 32;
const HEAD_SIZE = 8;
/** What we claim to be in bytes 4..7 of a digest packet; a player only looks whether the first is 3 or more. */
const CLIENT_VERSION = 0x0a002d02;
const SERVER_VERSION = 0x04050001;

const TAIL = Uint8Array.fromHex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae");

/** The keys of both sides: `sign` is for packet 1, `full` (with the tail) for packet 2. */
export type HandshakeKey = { readonly sign: Uint8Array; readonly full: Uint8Array };

/** What clients sign with. */
export const CLIENT_KEY = makeKey("Genuine Adobe Flash Player 001");
/** What servers sign with. */
export const SERVER_KEY = makeKey("Genuine Adobe Flash Media Server 001");

/** Where packet 1 keeps its digest: in its first half, or behind the public key. */
export type DigestLayout = "digest-first" | "key-first";

const LAYOUTS: readonly DigestLayout[] = ["digest-first", "key-first"];
const SUM_PLACE: Readonly<Record<DigestLayout, number>> = { "digest-first": 8, "key-first": 772 };
const OFFSETS = 728;

/** First bytes of what is no RTMP server or client, and what it is then. */
const FOREIGN_FIRST_BYTE: ReadonlyMap<number, string> = new Map([
  [0x15, "TLS: write rtmps://"],
  [0x16, "TLS: write rtmps://"],
  [0x48, "HTTP"], // "H", as in "HTTP/1.1 400"
  [0x3c, "HTTP"], // "<", as in "<html>"
]);
const RTMPE_VERSIONS: ReadonlySet<number> = new Set([6, 8, 9]);
/** From here on the first byte belongs to text protocols. */
const FIRST_TEXT_BYTE = 32;

function makeKey(name: string): HandshakeKey {
  const sign = new TextEncoder().encode(name);
  const full = new Uint8Array(sign.length + TAIL.length);
  full.set(sign);
  full.set(TAIL, sign.length);
  return { sign, full };
}

/** Where the digest of this packet 1 stands. */
export function digestOffset(packet: Uint8Array, layout: DigestLayout): number {
  const at = SUM_PLACE[layout];
  const sum = packet[at]! + packet[at + 1]! + packet[at + 2]! + packet[at + 3]!;
  return (sum % OFFSETS) + at + 4;
}

/** The digest that packet 1 has if it is signed: over all its bytes but the digest's own. */
export function computeDigest(packet: Uint8Array, layout: DigestLayout, key: HandshakeKey): Uint8Array {
  const at = digestOffset(packet, layout);
  const hmac = new Bun.CryptoHasher("sha256", key.sign);
  hmac.update(packet.subarray(0, at)).update(packet.subarray(at + DIGEST_SIZE));
  return new Uint8Array(hmac.digest());
}

/** Writes the digest into packet 1 and returns it. */
export function signPacket1(packet: Uint8Array, layout: DigestLayout, key: HandshakeKey): Uint8Array {
  const digest = computeDigest(packet, layout, key);
  packet.set(digest, digestOffset(packet, layout));
  return digest;
}

/** The layout and digest of a packet 1 that this key signed; undefined when it is not signed. */
export function findDigest(
  packet: Uint8Array,
  key: HandshakeKey,
): { layout: DigestLayout; digest: Uint8Array } | undefined {
  for (const layout of LAYOUTS) {
    const digest = computeDigest(packet, layout, key);
    const at = digestOffset(packet, layout);
    if (digest.every((byte, i) => byte === packet[at + i])) return { layout, digest };
  }
  return undefined;
}

/** The key that signs packet 2: made of our full key and the digest of the other side's packet 1. */
export function packet2Key(peerDigest: Uint8Array, key: HandshakeKey): Uint8Array {
  return new Uint8Array(new Bun.CryptoHasher("sha256", key.full).update(peerDigest).digest());
}

/** Writes the signature into the last 32 bytes of packet 2. */
export function signPacket2(packet: Uint8Array, peerDigest: Uint8Array, key: HandshakeKey): void {
  packet.set(packet2Signature(packet, peerDigest, key), SIGNED_RANDOM_SIZE);
}

function packet2Signature(packet: Uint8Array, peerDigest: Uint8Array, key: HandshakeKey): Uint8Array {
  const hmac = new Bun.CryptoHasher("sha256", packet2Key(peerDigest, key));
  return new Uint8Array(hmac.update(packet.subarray(0, SIGNED_RANDOM_SIZE)).digest());
}

/** MD5, which Adobe and Limelight auth are built on. */
export function md5(text: string): Uint8Array {
  return new Uint8Array(new Bun.CryptoHasher("md5").update(text).digest());
}

/** What a handshake is made of. */
export type HandshakeOptions = {
  /** Milliseconds, any epoch. */
  readonly time: number;
  /** RANDOM_SIZE bytes. */
  readonly random: Uint8Array;
  /** SIGNED_RANDOM_SIZE bytes for a signed packet 2; without them those of `random` are used again. */
  readonly random2?: Uint8Array;
};

/** How both sides agreed to do it. */
export type HandshakeForm = "simple" | DigestLayout;

/** Our side of a handshake that we begin. */
export class ClientHandshake {
  readonly #options: HandshakeOptions & { readonly mode: "simple" | "digest" };
  readonly #exchange = new Exchange("server", (packet1) => this.#answer(packet1));
  readonly #hello = new Uint8Array(1 + PACKET_SIZE);
  #form: HandshakeForm = "simple";

  /** `simple` is what every server takes; `digest` for servers that insist on a Flash player. */
  constructor(options: HandshakeOptions & { readonly mode: "simple" | "digest" }) {
    this.#options = options;
    const digest = options.mode === "digest";
    this.#hello[0] = VERSION;
    const ours = this.#hello.subarray(1);
    fillPacket1(ours, options, digest ? CLIENT_VERSION : 0);
    if (digest) signPacket1(ours, "digest-first", CLIENT_KEY);
  }

  /** C0 and C1, to be sent first. */
  hello(): Uint8Array {
    return this.#hello;
  }

  /** Whether S2 is complete; from then on bytes are chunks. */
  get done(): boolean {
    return this.#exchange.done;
  }

  /** Whether the server's S1 was signed and so is our C2. Known once there is output. */
  get form(): HandshakeForm {
    return this.#form;
  }

  /** Takes what belongs to the handshake from the beginning of `segment`; returns how many bytes that is. */
  feed(segment: Uint8Array): number {
    return this.#exchange.feed(segment);
  }

  /** Packets to send that were not taken yet: C2. */
  takeOutput(): Uint8Array[] {
    return this.#exchange.takeOutput();
  }

  /** C2: signed if both sides sign, else S1 exactly as it came (go-rtmp compares them). */
  #answer(packet1: Uint8Array): Uint8Array {
    const found = this.#options.mode === "digest" ? findDigest(packet1, SERVER_KEY) : undefined;
    this.#form = found?.layout ?? "simple";
    return found ? signedPacket2(this.#options, found.digest, CLIENT_KEY) : packet1.slice();
  }
}

/** Our side of a handshake that a client begins. */
export class ServerHandshake {
  readonly #options: HandshakeOptions;
  readonly #exchange = new Exchange("client", (packet1) => this.#answer(packet1));
  #form: HandshakeForm = "simple";

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  /** Whether C2 is complete; from then on bytes are chunks. */
  get done(): boolean {
    return this.#exchange.done;
  }

  /** Whether the client's C1 was signed and so are our packets. Known once there is output. */
  get form(): HandshakeForm {
    return this.#form;
  }

  /** Takes what belongs to the handshake from the beginning of `segment`; returns how many bytes that is. */
  feed(segment: Uint8Array): number {
    return this.#exchange.feed(segment);
  }

  /** Packets to send that were not taken yet: S0, S1 and S2 in one. */
  takeOutput(): Uint8Array[] {
    return this.#exchange.takeOutput();
  }

  /**
   * S0, S1 and S2. The version bytes of C1 say nothing reliable, its digest does. A client whose digest verifies
   * gets one back in its own layout; any other gets version 0, since players believe in a digest as soon as the
   * version is 3 or more.
   */
  #answer(packet1: Uint8Array): Uint8Array {
    const answer = new Uint8Array(1 + 2 * PACKET_SIZE);
    answer[0] = VERSION;
    const ours = answer.subarray(1, 1 + PACKET_SIZE);
    const found = findDigest(packet1, CLIENT_KEY);
    fillPacket1(ours, this.#options, found ? SERVER_VERSION : 0);
    if (found) signPacket1(ours, found.layout, SERVER_KEY);
    answer.set(found ? signedPacket2(this.#options, found.digest, SERVER_KEY) : packet1, 1 + PACKET_SIZE);
    this.#form = found?.layout ?? "simple";
    return answer;
  }
}

/** What both sides do alike: gather the peer's 1 + 1536 + 1536 bytes and answer once its packet 1 is there. */
class Exchange {
  readonly #peer: "client" | "server";
  readonly #answer: (packet1: Uint8Array) => Uint8Array;
  readonly #bytes = new Uint8Array(1 + 2 * PACKET_SIZE);
  #length = 0;
  #output: Uint8Array[] = [];

  constructor(peer: "client" | "server", answer: (packet1: Uint8Array) => Uint8Array) {
    this.#peer = peer;
    this.#answer = answer;
  }

  get done(): boolean {
    return this.#length === this.#bytes.length;
  }

  feed(segment: Uint8Array): number {
    const before = this.#length;
    const eaten = Math.min(segment.length, this.#bytes.length - before);
    if (before === 0 && eaten > 0) checkVersion(segment[0]!, this.#peer);
    this.#bytes.set(segment.subarray(0, eaten), before);
    this.#length = before + eaten;
    if (before <= PACKET_SIZE && this.#length > PACKET_SIZE) {
      this.#output.push(this.#answer(this.#bytes.subarray(1, 1 + PACKET_SIZE)));
    }
    return eaten;
  }

  takeOutput(): Uint8Array[] {
    const output = this.#output;
    this.#output = [];
    return output;
  }
}

function fillPacket1(packet: Uint8Array, options: HandshakeOptions, version: number): void {
  const head = new DataView(packet.buffer, packet.byteOffset, HEAD_SIZE);
  head.setUint32(0, options.time);
  head.setUint32(4, version);
  packet.set(options.random.subarray(0, RANDOM_SIZE), HEAD_SIZE);
}

function signedPacket2(options: HandshakeOptions, peerDigest: Uint8Array, key: HandshakeKey): Uint8Array {
  const packet = new Uint8Array(PACKET_SIZE);
  packet.set((options.random2 ?? options.random).subarray(0, SIGNED_RANDOM_SIZE));
  signPacket2(packet, peerDigest, key);
  return packet;
}

/** Versions below 32 are taken for 3, as other programs do; what is clearly something else is named. */
function checkVersion(version: number, peer: "client" | "server"): void {
  const problem = versionProblem(version, peer);
  if (problem !== undefined) throw new ProtocolError(problem, { layer: "handshake", offset: 0 });
}

function versionProblem(version: number, peer: "client" | "server"): string | undefined {
  if (RTMPE_VERSIONS.has(version)) return `The ${peer} wants RTMPE: encrypted RTMP (RTMPE) is not supported`;
  const foreign =
    FOREIGN_FIRST_BYTE.get(version) ?? (version >= FIRST_TEXT_BYTE ? "HTTP or another text protocol" : "");
  if (foreign === "") return undefined;
  const hint = peer === "client" ? foreign.replace(/:.*/, "") : foreign;
  const byte = version.toString(16).padStart(2, "0");
  return `This is no RTMP ${peer}, it speaks ${hint} (first byte 0x${byte})`;
}
