import { describe, expect, test } from "bun:test";
import { ProtocolError } from "../../src/errors.ts";
import {
  CLIENT_KEY,
  ClientHandshake,
  computeDigest,
  type DigestLayout,
  digestOffset,
  findDigest,
  packet2Key,
  SERVER_KEY,
  ServerHandshake,
  signPacket1,
  signPacket2,
} from "../../src/rtmp/handshake.ts";
import { fixture, fromHex, hex, toHex } from "../support/bytes.ts";
import { everySplit } from "../support/every-split.ts";
import { isSigned } from "../support/handshake.ts";
import { mutations, randomBytes } from "../support/mutate.ts";

const SIZE = 1536;

/** A packet 1 with these eight bytes in front and a rule for all others. */
function packet1(head: string, rule: (i: number) => number): Uint8Array {
  const packet = Uint8Array.from({ length: SIZE }, (_, i) => rule(i));
  packet.set(fromHex(head));
  return packet;
}

const counting7 = (): Uint8Array => Uint8Array.from({ length: SIZE }, (_, i) => (i < 1504 ? 7 * i : 0));
const tailOf = (packet: Uint8Array): string => toHex(packet.subarray(1504));
const sha256 = (bytes: Uint8Array): string => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

const C1 = packet1("00000000 80000702", (i) => i);
const S1 = packet1("00000000 0d0e0a0d", (i) => 3 * i);

const FFMPEG_C1 = fixture("rtmp/ffmpeg-publish.c2s").subarray(1, 1 + SIZE);
const FFMPEG_C2 = fixture("rtmp/ffmpeg-publish.c2s").subarray(1 + SIZE, 1 + 2 * SIZE);
const NGINX_HELLO = fixture("rtmp/ffmpeg-publish.s2c").subarray(0, 1 + 2 * SIZE);
const NGINX_S1 = NGINX_HELLO.subarray(1, 1 + SIZE);
const NGINX_S2 = NGINX_HELLO.subarray(1 + SIZE);
const RTMPDUMP_C1 = fixture("rtmp/rtmpdump-play.c2s").subarray(1, 1 + SIZE);
const OLD_HELLO = fixture("rtmp/rtmpdump-play.s2c").subarray(0, 1 + 2 * SIZE);

const OPTIONS = { time: 0x01020304, random: randomBytes(1528, 1), random2: randomBytes(1504, 2) };
const FOLLOWING = hex`03 0000 00 000004 01 00000000 00001000`;

function join(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

type Handshake = Pick<ClientHandshake, "feed" | "done" | "form" | "takeOutput">;

/** Feeds segments as a connection does: what the handshake leaves is for the chunk reader. */
function run(handshake: Handshake, segments: readonly Uint8Array[]) {
  const rest: Uint8Array[] = [];
  for (const segment of segments) {
    const eaten = handshake.feed(segment);
    if (eaten < segment.length) expect(handshake.done).toBe(true);
    rest.push(segment.subarray(eaten));
  }
  const output = join(...handshake.takeOutput());
  return { done: handshake.done, form: handshake.form, output, rest: toHex(join(...rest)) };
}

describe("digests", () => {
  test.each<[string, Uint8Array, typeof CLIENT_KEY, DigestLayout, number, string]>([
    [
      "V-01",
      C1,
      CLIENT_KEY,
      "digest-first",
      50,
      "1a0738a48b1a8654bdfaeba70f3306ea8fa1a54de15fe35fdba384c99e8c9354",
    ],
    [
      "V-02",
      C1,
      CLIENT_KEY,
      "key-first",
      798,
      "04311e20855f942b928fe02f1df48ce612c2061e5a97bfc2a226063a94f3973d",
    ],
    [
      "V-04 ffmpeg",
      FFMPEG_C1,
      CLIENT_KEY,
      "digest-first",
      494,
      "650bfb9b65f953d848e3456965d0d76b627a84e35e9ddabd8b43f0fadaee458c",
    ],
    [
      "V-05 nginx",
      NGINX_S1,
      SERVER_KEY,
      "digest-first",
      516,
      "a7cca4be4c3b5727913e2772bfffe18b6ff76b8bea9e3bd3693e777ad775051e",
    ],
    [
      "V-06",
      S1,
      SERVER_KEY,
      "digest-first",
      126,
      "db9c819a3ac21f9ceccde1ca117637db45e38574dfb5577e5ae132b0d26176f1",
    ],
    [
      "V-06",
      S1,
      SERVER_KEY,
      "key-first",
      842,
      "411ac08c365c46de16a4be2cceab88b571ea60f8a93b0864851b653223820293",
    ],
  ])("%s", (_, packet, key, layout, offset, digest) => {
    expect(digestOffset(packet, layout)).toBe(offset);
    expect(toHex(computeDigest(packet, layout, key))).toBe(digest);
  });

  test.each<[string, string, typeof CLIENT_KEY, string, string]>([
    [
      "V-01",
      "1a0738a48b1a8654bdfaeba70f3306ea8fa1a54de15fe35fdba384c99e8c9354",
      SERVER_KEY,
      "a33c20aa12e205e045f03198a319a1013e1d6498a36ea8359b53c43f252de607",
      "951f598c6265b16992a372fb0cb90a89e65f3721cdc7220edf0a20b977ffee56",
    ],
    [
      "V-02",
      "04311e20855f942b928fe02f1df48ce612c2061e5a97bfc2a226063a94f3973d",
      SERVER_KEY,
      "db81a78ba39f0e4ccd5a91d2e4d71feef719ac48a77ac61474879c20872c40cb",
      "d30b16db1c994ea8ed0e35659beb2be12871b2e56ef5c78c720677c0ccedf734",
    ],
    [
      "V-06",
      "db9c819a3ac21f9ceccde1ca117637db45e38574dfb5577e5ae132b0d26176f1",
      CLIENT_KEY,
      "586b15be86eb1c1a5c4180a055228eeab1f6f68d57774f6ad0ce660f7c36191d",
      "5c063b15edb15489446ff0a6d5e80f46774e42dd0f33f75d81b81b6bbd6e0f5c",
    ],
  ])("%s signs packet 2", (_, peerDigest, key, packetKey, tail) => {
    expect(toHex(packet2Key(fromHex(peerDigest), key))).toBe(packetKey);
    const packet = counting7();
    signPacket2(packet, fromHex(peerDigest), key);
    expect(tailOf(packet)).toBe(tail);
    expect(isSigned(packet, fromHex(peerDigest), key)).toBe(true);
    packet[0]! ^= 1;
    expect(isSigned(packet, fromHex(peerDigest), key)).toBe(false);
  });

  test("V-03 by its rule (the Flash Player's own packet is not at hand): key-first is found, digest-first fails", () => {
    const packet = packet1("000f64d0 80000702", (i) => 13 * i + 5);
    // The sums of V-03: 568 at 8 gives 580, 463 at 772 gives 1239.
    packet.set([255, 255, 58, 0], 8);
    packet.set([255, 200, 8, 0], 772);
    expect(digestOffset(packet, "digest-first")).toBe(580);
    expect(digestOffset(packet, "key-first")).toBe(1239);
    const digest = signPacket1(packet, "key-first", CLIENT_KEY);
    expect(toHex(packet.subarray(1239, 1271))).toBe(toHex(digest));
    expect(toHex(computeDigest(packet, "digest-first", CLIENT_KEY))).not.toBe(
      toHex(packet.subarray(580, 612)),
    );
    expect(findDigest(packet, CLIENT_KEY)).toEqual({ layout: "key-first", digest });
    expect(findDigest(packet, SERVER_KEY)).toBeUndefined();
  });

  test("V-04 ffmpeg's C1 is found digest-first", () => {
    expect(sha256(FFMPEG_C1)).toBe("50c8f966513a733e2726dacd9ebb4544e0ff96b9f54d49f50ac7908fa804a7c9");
    expect(toHex(FFMPEG_C1.subarray(0, 12))).toBe("0000000009007c02f778551e");
    expect(findDigest(FFMPEG_C1, CLIENT_KEY)?.layout).toBe("digest-first");
  });

  test("V-05 nginx's S1 and S2 verify, ffmpeg's C2 is a copy when publishing and signed when playing", () => {
    expect(toHex(NGINX_S1.subarray(0, 12))).toBe("000fcd4c0d0e0a0dd303ca58");
    expect(findDigest(NGINX_S1, SERVER_KEY)?.layout).toBe("digest-first");
    expect(tailOf(NGINX_S2)).toBe("3c17383627b09d03aaa3d9c326a11f0505ccf74456ad84b4e0c594f3a0b2cb24");
    expect(isSigned(NGINX_S2, findDigest(FFMPEG_C1, CLIENT_KEY)!.digest, SERVER_KEY)).toBe(true);
    expect(toHex(FFMPEG_C2)).toBe(toHex(NGINX_S1));
    const playS1 = fixture("rtmp/ffmpeg-play.s2c").subarray(1, 1 + SIZE);
    const playC2 = fixture("rtmp/ffmpeg-play.c2s").subarray(1 + SIZE, 1 + 2 * SIZE);
    expect(isSigned(playC2, findDigest(playS1, SERVER_KEY)!.digest, CLIENT_KEY)).toBe(true);
  });

  test("offsets stay inside the packet for all sums", () => {
    for (let sum = 0; sum <= 4 * 255; sum++) {
      const four = [0, 1, 2, 3].map((i) => Math.max(0, Math.min(255, sum - 255 * i)));
      const packet = new Uint8Array(SIZE);
      packet.set(four, 8);
      packet.set(four, 772);
      expect(digestOffset(packet, "digest-first")).toBe(12 + (sum % 728));
      expect(digestOffset(packet, "key-first")).toBe(776 + (sum % 728));
    }
  });
});

describe("ClientHandshake", () => {
  test("begins with time, version 0 and the random bytes", () => {
    const hello = new ClientHandshake({ ...OPTIONS, mode: "simple" }).hello();
    expect(toHex(hello)).toBe(`0301020304 00000000 ${toHex(OPTIONS.random)}`.replaceAll(" ", ""));
  });

  test("begins with a digest when asked to", () => {
    const hello = new ClientHandshake({ ...OPTIONS, mode: "digest" }).hello();
    expect(toHex(hello.subarray(0, 9))).toBe("03010203040a002d02");
    expect(findDigest(hello.subarray(1), CLIENT_KEY)?.layout).toBe("digest-first");
  });

  test.each([
    ["V-05 nginx with a digest", NGINX_HELLO],
    ["V-07 nginx that copies C1", OLD_HELLO],
    [
      "V-08 a version without a digest",
      join(
        hex`03`,
        packet1("0102030405060708", (i) => 5 * i),
        counting7(),
      ),
    ],
    ["a server of version 2", join(hex`02`, S1, S1)],
  ])("simple, in any pieces: %s", (_, answer) => {
    const result = everySplit(join(answer, FOLLOWING), (segments) =>
      run(new ClientHandshake({ ...OPTIONS, mode: "simple" }), segments),
    );
    expect(result.done).toBe(true);
    expect(result.form).toBe("simple");
    expect(toHex(result.output)).toBe(toHex(answer.subarray(1, 1 + SIZE)));
    expect(result.rest).toBe(toHex(FOLLOWING));
  });

  test("V-07 S1 and S2 are both copies of rtmpdump's C1", () => {
    expect(toHex(RTMPDUMP_C1.subarray(0, 12))).toBe("000b43c60000000067458b6b");
    expect(toHex(OLD_HELLO)).toBe(`03${toHex(RTMPDUMP_C1).repeat(2)}`);
  });

  test.each<[string, Uint8Array, string]>([
    ["nginx", NGINX_S1, "digest-first"],
    ["V-08 a version without a digest", packet1("0102030405060708", (i) => 5 * i), "simple"],
    ["V-07 nginx that copies C1", RTMPDUMP_C1, "simple"],
  ])("digest, in any pieces: %s", (_, packet, form) => {
    const answer = join(hex`03`, packet, counting7(), FOLLOWING);
    const result = everySplit(answer, (segments) =>
      run(new ClientHandshake({ ...OPTIONS, mode: "digest" }), segments),
    );
    expect(result).toMatchObject({ done: true, form, rest: toHex(FOLLOWING) });
    const found = findDigest(packet, SERVER_KEY);
    if (found === undefined) expect(toHex(result.output)).toBe(toHex(packet));
    else expect(isSigned(result.output, found.digest, CLIENT_KEY)).toBe(true);
  });

  test("sends C2 with S1 complete and is done with S2 complete, not a byte earlier", () => {
    const handshake = new ClientHandshake({ ...OPTIONS, mode: "simple" });
    expect(handshake.feed(NGINX_HELLO.subarray(0, SIZE))).toBe(SIZE);
    expect(handshake.takeOutput()).toEqual([]);
    handshake.feed(NGINX_HELLO.subarray(SIZE, SIZE + 1));
    expect(handshake.takeOutput()).toHaveLength(1);
    expect(handshake.takeOutput()).toEqual([]);
    handshake.feed(NGINX_HELLO.subarray(SIZE + 1, 2 * SIZE));
    expect(handshake.done).toBe(false);
    expect(handshake.feed(join(NGINX_HELLO.subarray(2 * SIZE), FOLLOWING))).toBe(1);
    expect(handshake.done).toBe(true);
    expect(handshake.feed(FOLLOWING)).toBe(0);
  });
});

describe("ServerHandshake", () => {
  const C2 = counting7();

  test.each<[string, Uint8Array, string]>([
    ["ffmpeg, digest-first", FFMPEG_C1, "digest-first"],
    ["rtmpdump, simple", RTMPDUMP_C1, "simple"],
    ["a version without a digest", C1, "simple"],
    ["key-first", keyFirst(), "key-first"],
    ["zeros", new Uint8Array(SIZE), "simple"],
  ])("answers in the client's form, in any pieces: %s", (_, packet, form) => {
    const sent = join(hex`03`, packet, C2, FOLLOWING);
    const result = everySplit(sent, (segments) => run(new ServerHandshake(OPTIONS), segments));
    expect(result).toMatchObject({ done: true, form, rest: toHex(FOLLOWING) });
    expect(result.output.length).toBe(1 + 2 * SIZE);
    expect(result.output[0]).toBe(3);
    const ours = result.output.subarray(1, 1 + SIZE);
    const found = findDigest(packet, CLIENT_KEY);
    expect(findDigest(ours, SERVER_KEY)?.layout).toBe(found?.layout);
    // ffplay believes in a digest as soon as this byte is 3 or more.
    expect(ours[4]! >= 3).toBe(found !== undefined);
    const packet2 = result.output.subarray(1 + SIZE);
    if (found === undefined) expect(toHex(packet2)).toBe(toHex(packet));
    else expect(isSigned(packet2, found.digest, SERVER_KEY)).toBe(true);
  });

  test("answers with C1 complete, before C2", () => {
    const server = new ServerHandshake(OPTIONS);
    server.feed(join(hex`03`, RTMPDUMP_C1));
    expect(server.takeOutput()).toHaveLength(1);
    expect(server.done).toBe(false);
  });

  test.each(["simple", "digest"] as const)("agrees with our client: %s", (mode) => {
    const client = new ClientHandshake({ ...OPTIONS, mode });
    const server = new ServerHandshake({ ...OPTIONS, random: randomBytes(1528, 3) });
    server.feed(client.hello());
    client.feed(join(...server.takeOutput()));
    server.feed(join(...client.takeOutput()));
    expect([client.done, server.done]).toEqual([true, true]);
    expect(client.form).toBe(server.form);
    expect(client.form).toBe(mode === "simple" ? "simple" : "digest-first");
  });
});

function keyFirst(): Uint8Array {
  const packet = C1.slice();
  signPacket1(packet, "key-first", CLIENT_KEY);
  return packet;
}

describe("what is no RTMP", () => {
  test.each([
    ["HTTP/1.1 400 Bad Request", "speaks HTTP"],
    ["<html>", "speaks HTTP"],
    ["220 mail.example ESMTP", "HTTP or another text protocol"],
    ["\x15\x03\x01", "speaks TLS: write rtmps://"],
    ["\x16\x03\x01", "speaks TLS: write rtmps://"],
    ["\x06", "encrypted RTMP (RTMPE) is not supported"],
    ["\x08", "encrypted RTMP (RTMPE) is not supported"],
    ["\x09", "encrypted RTMP (RTMPE) is not supported"],
  ])("a server that begins with %j", (text, problem) => {
    const handshake = new ClientHandshake({ ...OPTIONS, mode: "simple" });
    const bytes = new TextEncoder().encode(text);
    expect(() => handshake.feed(bytes)).toThrow(problem);
    expect(() => new ServerHandshake(OPTIONS).feed(bytes)).toThrow(ProtocolError);
  });

  test("a client that speaks TLS is told apart", () => {
    expect(() => new ServerHandshake(OPTIONS).feed(hex`160301`)).toThrow(
      "no RTMP client, it speaks TLS (first byte 0x16)",
    );
  });

  test("an empty segment says nothing", () => {
    const handshake = new ServerHandshake(OPTIONS);
    expect(handshake.feed(hex``)).toBe(0);
    expect(() => handshake.feed(hex`47`)).toThrow(ProtocolError);
  });

  test("damaged handshakes end in a handshake or in ProtocolError", () => {
    const sent = fixture("rtmp/ffmpeg-publish.c2s").subarray(0, 1 + 2 * SIZE);
    for (const copy of [...mutations(sent, 200, 1), ...mutations(NGINX_HELLO, 200, 2)]) {
      for (const handshake of [
        new ServerHandshake(OPTIONS),
        new ClientHandshake({ ...OPTIONS, mode: "digest" }),
      ]) {
        try {
          expect(handshake.feed(copy)).toBe(Math.min(copy.length, 1 + 2 * SIZE));
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
        }
      }
    }
  });
});
