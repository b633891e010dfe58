/** `runnel probe` on files and pipes: what it says of sound and of damaged ones, and with which exit code. */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { show } from "../support/media.ts";
import { randomBytes } from "../support/mutate.ts";
import { needs } from "../support/programs.ts";
import { events, expectExit, runnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const text = (stdout: Uint8Array): string => Buffer.from(stdout).toString();

describe.skipIf(!needs("ffmpeg"))("probe", () => {
  test("a file of ffmpeg is fine, and how to get it an index", async () => {
    const file = await show();
    const result = await runnel(["probe", file]);
    expectExit(result, 0);
    expect(text(result.stdout)).toMatch(
      /video: H\.264 High .*320x180, 25 fps, .* kb\/s, 100 frames, 2 key frames/,
    );
    expect(text(result.stdout)).toMatch(/GOP: 2 s \(1 measured\)/);
    expect(text(result.stdout)).toMatch(/A\/V skew: video begins .* audio and ends .* it/);
    expect(text(result.stdout)).toContain("timestamps: fine");
    expect(text(result.stdout)).toContain(`runnel repair ${file}`);
  });

  test("a damaged file: where, and exit code 3", async () => {
    const bytes = readFileSync(await show());
    const file = join(scratch("probe"), "my show.flv");
    writeFileSync(file, Buffer.concat([bytes, randomBytes(500, 5)]));
    const result = await runnel(["probe", file]);
    expectExit(result, 3);
    expect(text(result.stdout)).toContain(`offset ${bytes.length}: 500 bytes that are no FLV at the end`);
    expect(text(result.stdout)).toContain(`runnel repair '${file}'`);
    const [report] = events(await runnel(["probe", file, "--json"]));
    expect(report).toMatchObject({ source: file, rollbacks: 0, file: { damaged: true } });
  });

  test("FLV on stdin, whole, cut and none", async () => {
    const bytes = readFileSync(await show());
    const whole = await runnel(["probe", "-"], { stdin: bytes });
    expectExit(whole, 0);
    expect(text(whole.stdout)).toMatch(/^stdin\n.*\n {2}video: H\.264/);
    expect(text(whole.stdout)).toContain("input: sound");
    const cut = await runnel(["probe", "-"], { stdin: bytes.subarray(0, -40) });
    expectExit(cut, 3);
    expect(text(cut.stdout)).toMatch(/offset \d+: the last tag is cut after/);
    expectExit(await runnel(["probe", "-"], { stdin: randomBytes(3000, 4) }), 3);
    expectExit(await runnel(["probe", "-"], { stdin: bytes.subarray(0, 13) }), 3);
  });
});
