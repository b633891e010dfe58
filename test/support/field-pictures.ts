/**
 * H.264 whose pictures are single fields, written bit by bit: no encoder at hand makes them. Each field is one macroblock
 * of 16x16 samples that stand there as they are (I_PCM), so decoders can be asked, too. ITU-T H.264 7.3.
 */

/** A field or frame picture; `idr` begins a new sequence. */
export type FieldPicture = {
  readonly frameNum: number;
  readonly order: number;
  readonly structure: "top" | "bottom" | "frame";
  readonly idr?: boolean;
  readonly reference?: boolean;
  readonly grey?: number;
};

/** Bits that become bytes. */
class Bits {
  #bits = "";

  u(value: number, count: number): this {
    this.#bits += value.toString(2).padStart(count, "0").slice(-count);
    return this;
  }

  ue(value: number): this {
    const code = (value + 1).toString(2);
    this.#bits += "0".repeat(code.length - 1) + code;
    return this;
  }

  align(): this {
    while (this.#bits.length % 8 !== 0) this.#bits += "0";
    return this;
  }

  fill(value: number, count: number): this {
    this.#bits += value.toString(2).padStart(8, "0").repeat(count);
    return this;
  }

  /** With the stop bit and a start code. */
  nal(header: number): Buffer {
    this.u(1, 1).align();
    const bytes = this.#bits.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2));
    return Buffer.from([0, 0, 0, 1, header, ...bytes]);
  }
}

/** Parameter sets: 16x32, interlaced, 4 bits of frame_num and of the order count. */
export function fieldSets(): Buffer {
  const sps = new Bits().u(77, 8).u(0, 8).u(30, 8);
  // id, frame_num, order counts of type 0, one reference; one macroblock wide, one map unit high.
  sps.ue(0).ue(0).ue(0).ue(0).ue(1).u(0, 1).ue(0).ue(0);
  // Fields, no adaption within frames, direct_8x8_inference, no cropping, no VUI.
  sps.u(0, 1).u(0, 1).u(1, 1).u(0, 1).u(0, 1);
  const pps = new Bits().ue(0).ue(0).u(0, 1).u(0, 1).ue(0).ue(0).ue(0).u(0, 1).u(0, 2);
  pps.ue(0).ue(0).ue(0).u(0, 1).u(0, 1).u(0, 1);
  return Buffer.concat([sps.nal(0x67), pps.nal(0x68)]);
}

/** One picture: one slice. */
export function fieldSlice(picture: FieldPicture): Buffer {
  const { frameNum, order, structure, idr = false, reference = true, grey = 128 } = picture;
  const slice = new Bits().ue(0).ue(7).ue(0).u(frameNum, 4);
  slice.u(structure === "frame" ? 0 : 1, 1);
  if (structure !== "frame") slice.u(structure === "bottom" ? 1 : 0, 1);
  if (idr) slice.ue(0);
  slice.u(order, 4);
  if (idr) slice.u(0, 2);
  else if (reference) slice.u(0, 1);
  slice.ue(0); // slice_qp_delta
  for (let macroblock = 0; macroblock < (structure === "frame" ? 2 : 1); macroblock++)
    slice.ue(25).align().fill(grey, 384);
  return slice.nal(((reference ? 3 : 0) << 5) | (idr ? 5 : 1));
}

/** A raw stream of these pictures. */
export function fieldStream(pictures: readonly FieldPicture[]): Uint8Array {
  return new Uint8Array(Buffer.concat([fieldSets(), ...pictures.map(fieldSlice)]));
}
