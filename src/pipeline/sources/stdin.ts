/**
 * The bytes of pipes: standard input, read only when it is the source, and named pipes. Waiting for them ends with the
 * signal, whoever holds the other end.
 */

/** Segments of standard input until its end or `signal`. */
export function stdinSegments(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  return pipeSegments(Bun.stdin.stream(), signal);
}

/** Segments of a pipe that has a name, each in memory of its own, until its writers are gone or `signal`. */
export function namedPipeSegments(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  return pipeSegments(Bun.file(path).stream(), signal);
}

async function* pipeSegments(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  const stop = (): void => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
