/**
 * When code is compiled. The program is built (package.json, --compile-jit-policy) to be twenty times as reluctant to
 * compile as is usual, for what reads flags and recipes runs a little and never again: compiling it costs 8 MiB that
 * stay, and half of the time until a recipe is checked. Media runs through the same few functions for hours: once the
 * beginning, with its handshakes, is some seconds over, the program is less reluctant, without which a live relay takes a
 * fifth more processor time. (A source that is as fast as the network needs no measure: its code is hot all the same.)
 */

/** How often it is looked whether the beginning is over, in ms. */
const LOOK_MS = 3000;
/** With so much media it is; in bytes. */
const WARM_BYTES = 2 * 1024 * 1024;
/** How reluctant the compiler is then, 1 being usual: below this it costs memory and gains nothing. */
const WARM_RELUCTANCE = 5;

/** Has code compiled sooner once there is so much media, unless disposed of before. */
export function compileWhenWarm(mediaBytes: () => number): Disposable {
  const timer = setInterval(() => {
    if (mediaBytes() < WARM_BYTES) return;
    clearInterval(timer);
    Bun.unsafe.setJITPolicy(WARM_RELUCTANCE);
  }, LOOK_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
