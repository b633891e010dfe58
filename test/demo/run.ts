/**
 * The demo: `npm run demo`. Three copies of the real binary on the loopback, nothing else: one pushes the test
 * card, one listens for it and relays it, one listens for the relay and records ten seconds.
 *
 *     runnel push testcard:  ->  runnel relay listen:...  ->  runnel pull listen:... demo.flv
 */
import { resolve } from "node:path";
import { runnelBinary } from "../support/binary.ts";
import { freePort, untilListening } from "../support/ports.ts";

const SECONDS = 10;
const FILE = resolve("demo.flv");

const binary = await runnelBinary();
const [studio, archive] = [await freePort(), await freePort()];

/** What one of them does; `port` is where it listens, and the next may not begin before it does. */
type Step = { title: string; args: string[]; port?: number };

const steps: Step[] = [
  {
    title: "records what comes in",
    port: archive,
    args: ["pull", `listen:127.0.0.1:${archive}/live/copy`, FILE, "--force"],
  },
  {
    title: "waits for a publisher and sends its stream on",
    port: studio,
    args: ["relay", `listen:127.0.0.1:${studio}/live/show`, `rtmp://127.0.0.1:${archive}/live/copy`],
  },
  {
    title: "publishes the test card",
    args: ["push", "testcard:", `rtmp://127.0.0.1:${studio}/live/show`, "--for", `${SECONDS}s`],
  },
];

console.log(`Three runnels on this machine, for ${SECONDS} seconds:\n`);
const children: Bun.Subprocess<"ignore", "ignore", "pipe">[] = [];
for (const { title, args, port } of steps) {
  console.log(`  runnel ${args.join(" ")}\n      ${title}`);
  children.push(Bun.spawn([binary, ...args], { stdin: "ignore", stdout: "ignore", stderr: "pipe" }));
  if (port !== undefined) await untilListening(port);
}
const said = children.map((child) => new Response(child.stderr).text());
// From the source on: the two that listen would wait for the next publisher.
for (const [i, child] of [...children.entries()].reverse()) {
  if (i < children.length - 1) child.kill("SIGINT");
  await child.exited;
}

console.log("\nWhat they said:");
for (const [i, text] of (await Promise.all(said)).entries()) {
  console.log(`\n  runnel ${steps[i]!.args[0]}`);
  for (const line of text.trimEnd().split("\n")) console.log(`      ${line}`);
}
const failed = children.find((child) => child.exitCode !== 0);
if (failed !== undefined) {
  console.log(`\nOne of them failed with exit code ${failed.exitCode}.`);
  process.exit(failed.exitCode ?? 1);
}
console.log("\nThe recording, as `runnel probe demo.flv` sees it:\n");
const probe = Bun.spawn([binary, "probe", FILE], { stdout: "inherit", stderr: "inherit" });
const probed = await probe.exited;
console.log(`\nOpen ${FILE} with any player.`);
process.exit(probed);
