/**
 * When code is compiled. The program is built (package.json, --compile-jit-policy) to be twenty times as reluctant to
 * compile as is usual, for what reads flags and recipes runs a little and never again: compiling it costs 8 MiB that
 * stay, and half of the time until a recipe is checked. Media runs through the same few functions for hours: once the
 * beginning, with its handshakes, is some seconds over, the usual measure holds, without which a live relay takes a fifth
 * more processor time. (A source that is as fast as the network needs no measure: its code is hot twenty times over.)
 */

let usual = false;

/** Media flows: from now on code is compiled when it is usual. */
export function compileAsUsual(): void {
  if (usual) return;
  usual = true;
  Bun.unsafe.setJITPolicy(1);
}
