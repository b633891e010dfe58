/** Ogg for tests: pages made bit by bit, with a checksum that is counted apart from src. */

/** A page. */
export type OggPage = {
  serial: number;
  number: number;
  lengths: readonly number[];
  body: Uint8Array;
  first?: boolean;
  continued?: boolean;
};

/** The bytes of a page. */
export function oggPage(page: OggPage): Uint8Array {
  const { serial, number, lengths, body } = page;
  const bytes = Buffer.alloc(27 + lengths.length + body.length);
  bytes.write("OggS", 0, "latin1");
  bytes[5] = (page.continued === true ? 1 : 0) | (page.first === true ? 2 : 0);
  bytes.writeUInt32LE(serial, 14);
  bytes.writeUInt32LE(number, 18);
  bytes[26] = lengths.length;
  bytes.set(lengths, 27);
  bytes.set(body, 27 + lengths.length);
  bytes.writeUInt32LE(Number(checksum(bytes)), 22);
  return new Uint8Array(bytes);
}

/** The remainder of a division by the polynomial, bit by bit. RFC 3533 6. */
function checksum(bytes: Uint8Array): bigint {
  let sum = 0n;
  for (const byte of bytes) {
    sum ^= BigInt(byte) << 24n;
    for (let bit = 0; bit < 8; bit++)
      sum = sum & 0x80000000n ? ((sum << 1n) ^ 0x104c11db7n) & 0xffffffffn : sum << 1n;
  }
  return sum;
}

/** A stream: its first packet, then these, each in a page of its own. */
export function oggOf(head: Uint8Array, packets: readonly Uint8Array[]): Uint8Array {
  const pages = [head, ...packets].map((body, number) => {
    const lengths = [...new Array<number>(Math.floor(body.length / 255)).fill(255), body.length % 255];
    return oggPage({ serial: 7, number, lengths, body, first: number === 0 });
  });
  return new Uint8Array(Buffer.concat(pages));
}
