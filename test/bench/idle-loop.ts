/**
 * What the runtime alone costs at the pace of a camera: a program that reads stdin, waits for half a frame after each
 * piece and writes it to a socket, as `runnel push h264:-` does, and does nothing else.
 *
 *   bun test/bench/idle-loop.ts PORT
 */
async function main(port: number): Promise<void> {
  const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
  let timer: Timer | undefined;
  for await (const piece of Bun.stdin.stream()) {
    clearTimeout(timer);
    timer = setTimeout(() => socket.write(piece), 20);
  }
  clearTimeout(timer);
  socket.end();
}

await main(Number(process.argv[2]));

export {};
