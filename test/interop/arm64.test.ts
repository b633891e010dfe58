/**
 * The Raspberry Pi binary under qemu as a Cortex-A53 (Pi 3, Zero 2 W): an instruction that this core does not have
 * ends a program with SIGILL, which has happened to Bun more than once. User-mode emulation is slow, so little is run.
 */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { arm64Binary, runnelBinary } from "../support/binary.ts";
import { differences, readFlvFile } from "../support/flv-compare.ts";
import { putShow } from "../support/media.ts";
import { startNginx } from "../support/nginx.ts";
import { type Finished, run, runWell } from "../support/process.ts";
import { ARM64_ROOT, needs } from "../support/programs.ts";
import { expectExit } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const SIGILL_EXIT = 128 + 4;

async function emulated(...args: string[]): Promise<Finished> {
  const qemu = ["qemu-aarch64-static", "-L", ARM64_ROOT, "-cpu", "cortex-a53", await arm64Binary()];
  const result = await run([...qemu, ...args], { timeout: 120_000 });
  expect(result.signal).not.toBe("SIGILL");
  expect(result.code).not.toBe(SIGILL_EXIT);
  expect(result.stderr).not.toMatch(/illegal instruction/i);
  return result;
}

describe.skipIf(!needs("qemu"))("on a Cortex-A53", () => {
  test("--version says the same as on this machine", async () => {
    const result = await emulated("--version");
    expectExit(result, 0);
    const here = await runWell([await runnelBinary(), "--version"]);
    // The platform may stand behind the version.
    expect(Buffer.from(result.stdout).toString().split(/[\s(]/)[0]).toBe(here.split(/[\s(]/)[0]!);
  }, 400_000);

  test("pull --help and a wrong flag end as they should", async () => {
    expectExit(await emulated("pull", "--help"), 0);
    expectExit(await emulated("pull", "--frobnicate"), 2);
  }, 400_000);

  test.skipIf(!needs("ffmpeg", "nginx-rtmp"))(
    "a file is pulled from nginx bit for bit",
    async () => {
      const nginx = await startNginx();
      const file = await putShow(nginx.vod, "file.flv");
      const out = join(scratch(), "out.flv");
      expectExit(await emulated("pull", nginx.url("vod", "file.flv"), out), 0);
      expect(differences(await readFlvFile(file), await readFlvFile(out))).toEqual([]);
    },
    400_000,
  );
});
