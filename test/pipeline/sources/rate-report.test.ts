/** What is said of a camera's real rate. */
import { expect, test } from "bun:test";
import { RateReport } from "../../../src/pipeline/sources/rate-report.ts";

function watch(wanted: number | undefined) {
  const said: string[] = [];
  const report = new RateReport({
    wanted,
    live: true,
    trace: (line) => said.push(line),
    notice: (line) => said.push(`! ${line}`),
  });
  let at = 0;
  /** Frames for so many seconds at a rate; `speed` is media time over real time. */
  const play = (seconds: number, fps: number, speed = 1): string[] => {
    const before = said.length;
    for (let i = 0; i < seconds * fps; i++) {
      at += 1000 / fps;
      report.frame(at * speed, at);
    }
    return said.slice(before);
  };
  return { report, said, play };
}

test("every ten seconds the rate and the speed, quietly", () => {
  const { play } = watch(25);
  expect(play(21, 25)).toEqual(["25.00 fps, speed 1.000x", "25.00 fps, speed 1.000x"]);
});

test("a camera that is too slow is told once, and again when it is not", () => {
  const { play } = watch(30);
  expect(play(31, 15)).toEqual([
    "15.00 fps, speed 1.000x",
    "! the camera gives 15.0 frames per second, not 30",
    "15.00 fps, speed 1.000x",
    "15.00 fps, speed 1.000x",
  ]);
  expect(play(21, 30)).toContain("! the camera gives 28.7 frames per second again");
});

test("no rate is wrong where none was wanted", () => {
  expect(watch(undefined).play(11, 3)).toEqual(["3.00 fps, speed 1.000x"]);
});

test("a speed that is not real time", () => {
  expect(watch(undefined).play(11, 25, 0.9)).toEqual(["25.00 fps, speed 0.900x"]);
});

test("a recording that comes through a pipe at once", () => {
  expect(watch(undefined).play(1, 400)).toEqual([
    "! frames come faster than any camera's: if this is a recording, give --clock fps",
  ]);
});

test("what was left out, if anything", () => {
  const { report, said } = watch(25);
  report.losses({ beforeKey: 0, damaged: 0 }, { strayBytes: 0, oversized: 0, torn: 0 });
  expect(said).toEqual([]);
  report.losses({ beforeKey: 3, damaged: 0 }, { strayBytes: 17, oversized: 0, torn: 1 });
  expect(said).toEqual([
    "left out: 3 frames before the first keyframe, 0 damaged, 0 too large, 17 bytes of nothing known; 1 cut",
  ]);
});
