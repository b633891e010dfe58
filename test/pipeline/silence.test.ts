/** The silence stage between a source and the hub: what sinks see. */
import { describe, expect, test } from "bun:test";
import { Hub } from "../../src/pipeline/hub.ts";
import { SilenceStage } from "../../src/pipeline/silence.ts";
import { packets, textOf } from "../support/packets.ts";
import type { MediaPacket } from "../../src/media/packet.ts";

function makeStage(certain: boolean) {
  const hub = new Hub();
  const stage = new SilenceStage({ certain });
  const queue = hub.subscribe({ bytes: Infinity, ms: Infinity, policy: "skip" });
  return {
    stage,
    /** Passes packets in text; returns what arrives, silence as `s`, its header as `S`. */
    pass(line: string): string {
      for (const one of packets(line)) stage.pass(one, hub);
      const taken: string[] = [];
      for (let one = queue.take(); one !== undefined; one = queue.take()) taken.push(nameOf(one));
      return taken.join(" ");
    },
  };
}

function nameOf(packet: MediaPacket): string {
  if (packet.kind !== "audio") return textOf(packet);
  const { body, role, dts } = packet;
  if (role === "header" && body[2] === 0x12) return `S${dts}`;
  return body[2] === 0x21 ? `s${dts}` : textOf(packet);
}

describe("SilenceStage", () => {
  test("a source without sound gets silence after a second, in order of time", () => {
    const { pass } = makeStage(false);
    expect(pass("V1 K0 f500 f960 f1000 f1040 f1080")).toBe(
      "V1 K0 f500 f960 S1000 s1000 f1000 s1023 f1040 s1046 s1069 f1080",
    );
  });

  test("a source that cannot have sound gets it at once", () => {
    const { pass } = makeStage(true);
    expect(pass("M1 V1 K0 f40")).toBe("M1 V1 S0 s0 K0 s23 f40");
  });

  test("a source with sound passes as it is", () => {
    const { pass } = makeStage(false);
    const line = "V1 A1 K0 a0 a23 f40 a46 f2000 a2000 f4000 a4000";
    expect(pass(line)).toBe(line);
  });

  test("sound that comes late ends the silence, with its header, and never goes back", () => {
    const { pass } = makeStage(false);
    pass("V1 K0 f1000 f1040");
    expect(pass("A7 f1080 a1060 a1083 f1120 a1106")).toBe("s1046 s1069 f1080 A7 a1083 f1120 a1106");
  });

  test("a header alone is no sound", () => {
    const { pass } = makeStage(false);
    expect(pass("V1 A7 K0 f1000")).toBe("V1 A7 K0 S1000 s1000 f1000");
  });

  test("an end mark and data pass", () => {
    const { pass } = makeStage(true);
    expect(pass("V1 K0 d10 E20")).toBe("V1 S0 s0 K0 d10 E20");
  });

  test("a new session goes on with silence; a new timeline starts it again", () => {
    const { stage, pass } = makeStage(true);
    pass("V1 K0 f40");
    stage.newSession();
    expect(pass("K80")).toBe("s46 s69 K80");
    stage.startOver();
    expect(pass("K0")).toBe("s0 K0");
  });
});
