import { describe, expect, test } from "bun:test";
import { amfObject, type Amf0Value, decodeAmf0 } from "../../src/amf/amf0.ts";
import { ProtocolError } from "../../src/errors.ts";
import { fromHex } from "../support/bytes.ts";
import { mutations } from "../support/mutate.ts";

const typed = (className: string, entries: [string, Amf0Value][]): Amf0Value => ({
  kind: "typed",
  className,
  entries,
});

/** AMF3 values, each behind AMF0's marker 0x11. */
const VALUES: readonly [string, string, Amf0Value][] = [
  ["undefined", "00", undefined],
  ["null", "01", null],
  ["false", "02", false],
  ["true", "03", true],
  ["integer 0", "04 00", 0],
  ["integer 127", "04 7f", 127],
  ["integer 128", "04 8100", 128],
  ["integer 16384", "04 818000", 16384],
  ["integer 2^28 - 1", "04 bfffffff", 2 ** 28 - 1],
  ["integer -2^28", "04 c0808000", -(2 ** 28)],
  ["integer -1", "04 ffffffff", -1],
  ["double", "05 4094000000000000", 1280],
  ["text", "06 0b 68656c6c6f", "hello"],
  ["empty text", "06 01", ""],
  ["an XML document", "07 09 3c612f3e", "<a/>"],
  ["XML", "0b 09 3c612f3e", "<a/>"],
  ["a date", "08 01 427748ec8a800000", new Date(1600123348992)],
  ["an array", "09 05 01 0401 0402", [1, 2]],
  [
    "an array with names",
    "09 03 0361 0407 01 0401",
    {
      kind: "ecma",
      entries: [
        ["a", 7],
        ["0", 1],
      ],
    },
  ],
  ["an array that repeats text", "09 07 01 060361 0600 0600", ["a", "a", "a"]],
  ["a free object", "0a 0b 01 0361 0401 01", amfObject({ a: 1 })],
  ["an object of a class", "0a 13 0343 0361 0407", typed("C", [["a", 7]])],
  [
    "two objects of one class",
    "09 05 01 0a 13 0343 0361 0407 0a 01 0408",
    [typed("C", [["a", 7]]), typed("C", [["a", 8]])],
  ],
  ["a byte array", "0c 07 010203", null],
  ["a vector of int", "0d 05 00 ffffffff 00000001", [-1, 1]],
  ["a vector of uint", "0e 03 00 ffffffff", [2 ** 32 - 1]],
  ["a vector of double", "0f 03 00 3ff0000000000000", [1]],
  ["a vector of objects", "10 03 00 01 0a 0b 01 01", [amfObject({})]],
  ["a dictionary", "11 05 00 060361 0401 02 0402", amfObject({ a: 1 })],
  ["an object that contains itself", "0a 0b 01 0361 0a 00 01", amfObject({ a: null })],
  ["a date twice", "09 05 01 08 01 0000000000000000 08 02", [new Date(0), new Date(0)]],
];

const BROKEN: readonly [string, string][] = [
  ["an unknown type", "12 01"],
  ["text longer than the message", "06 0b 68"],
  ["an array longer than the message", "09 ffffffff 01"],
  ["a vector longer than the message", "0d ffffffff 00"],
  ["traits longer than the message", "0a fffffff3 01"],
  ["an externalizable object", "0a 07 0343 00"],
  ["a reference to no text", "06 02"],
  ["a reference to no object", "0a 02"],
  ["a reference to no traits", "0a 05"],
  ["an integer cut off", "04 ff"],
  ["nested deeper than the limit", "09 03 01 ".repeat(17) + "01"],
];

describe("AMF3 behind marker 0x11", () => {
  test.each(VALUES)("%s", (_, digits, value) => {
    // A value follows, so that the cursor is checked too.
    expect(decodeAmf0(fromHex(`11 ${digits} 05`))).toEqual([value, null]);
  });

  test.each(BROKEN)("%s is the peer's fault", (_, digits) => {
    expect(() => decodeAmf0(fromHex(`11 ${digits}`))).toThrow(ProtocolError);
  });

  test("a byte array repeated as text costs what it repeats", () => {
    const text = "61".repeat(1000);
    const uses = "0600".repeat(2000);
    expect(() => decodeAmf0(fromHex(`11 09 9f23 01 06 8f51 ${text} ${uses}`))).toThrow("bytes of values");
  });

  test.each(VALUES)("damaged: %s", (_, digits) => {
    const bytes = fromHex(`11 ${digits} 05`);
    for (const copy of mutations(bytes, 400, bytes.length)) {
      try {
        decodeAmf0(copy);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
      }
    }
  });
});
