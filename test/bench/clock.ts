/**
 * One clock for all processes of the benchmark: CLOCK_MONOTONIC, because Bun's own clocks begin with each process and the
 * wall clock may step. Linux only, as the benchmark is.
 */
import { dlopen, FFIType } from "bun:ffi";

const CLOCK_MONOTONIC = 1;

/** The distance from Bun's clock to the machine's, in ms; the best of some tries, as either reading may be late. */
function distance(): number {
  const { symbols, close } = dlopen("libc.so.6", {
    clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
  });
  const time = new BigInt64Array(2);
  let best = Infinity;
  let found = 0;
  for (let i = 0; i < 20; i++) {
    const before = Bun.nanoseconds();
    symbols.clock_gettime(CLOCK_MONOTONIC, time);
    const after = Bun.nanoseconds();
    if (after - before >= best) continue;
    best = after - before;
    found = Number(time[0]) * 1e3 + Number(time[1]) / 1e6 - (before + after) / 2e6;
  }
  close();
  return found;
}

const offset = distance();

/** Ms of the machine's monotonic clock, with fractions. */
export function now(): number {
  return offset + Bun.nanoseconds() / 1e6;
}
