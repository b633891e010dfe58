/** What --audio asks for, and what is wrong with it; recipes have the same from the same place. */
import { describe, expect, test } from "bun:test";
import { audioInWords, parseAudio } from "../../src/recipe/audio.ts";
import { planOf, problemsOf } from "../support/command-line.ts";

const CAMERA = "push camera:rpicam rtmp://d/app/KEY";

describe("--audio", () => {
  test.each<[string, object]>([
    [`${CAMERA} --audio silent`, { silentAudio: true, source: { audio: undefined } }],
    [`${CAMERA} --silent-audio --audio silent`, { silentAudio: true }],
    [`relay rtmp://h/live/x rtmp://d/app/KEY --audio silent`, { silentAudio: true }],
    ["pull rtmp://h/live/x --silent-audio", { silentAudio: true }],
    ["pull listen:1935/live --audio silent", { silentAudio: true }],
    [`${CAMERA} --audio exec:mic`, { source: { input: { kind: "rpicam" }, audio: { argv: ["mic"] } } }],
    [
      "push exec:cam rtmp://d/app/KEY --format hevc --audio exec:mic",
      { source: { audio: { argv: ["mic"] } } },
    ],
    ["push h264:- rtmp://d/app/KEY --audio exec:mic", { source: { audio: { argv: ["mic"] } } }],
    [
      "push h264:x.h264 rtmp://d/app/KEY --clock arrival --audio exec:mic",
      { source: { clock: { kind: "arrival" }, audio: { argv: ["mic"] } } },
    ],
  ])("%s", (line, plan) => {
    expect(planOf(line)).toMatchObject(plan);
  });

  test.each<[string, string]>([
    [`${CAMERA} --audio loud`, '--audio: this is neither silent nor exec:; write silent, or "exec:COMMAND"'],
    [`${CAMERA} --audio exec:`, '"exec:" needs a command behind it; write "exec:my-microphone"'],
    [
      `${CAMERA} --audio exec:mic --silent-audio`,
      "--audio and --silent-audio are two sounds; keep one of them",
    ],
    [
      "relay rtmp://h/live/x rtmp://d/app/KEY --audio exec:mic",
      "a command's sound goes with pictures that have none: a camera, or raw video; leave it out",
    ],
    [
      "push exec:cam rtmp://d/app/KEY --audio exec:mic",
      "a command's sound goes with pictures that have none: a camera, or raw video; leave it out",
    ],
    [
      "push h264:x.h264 rtmp://d/app/KEY --audio exec:mic",
      "live sound goes with pictures that are timed by arrival; leave it out, or set clock to arrival",
    ],
  ])("%s", (line, problem) => {
    expect(problemsOf(line)).toEqual([problem]);
  });

  test("words are split without a shell, and only the program's name is shown", () => {
    expect(parseAudio(`exec:mic 'a b' "c d" $HOME`)).toEqual({ argv: ["mic", "a b", "c d", "$HOME"] });
    expect(parseAudio({ exec: "mic --mono" })).toEqual({ argv: ["mic", "--mono"] });
    expect(parseAudio({ exec: ["mic", "--pw=secret"] })).toEqual({ argv: ["mic", "--pw=secret"] });
    expect(audioInWords(planOf(`${CAMERA} --audio exec:mic`).source)).toBe("exec:mic");
    expect(audioInWords(planOf(CAMERA).source)).toBeUndefined();
  });
});
