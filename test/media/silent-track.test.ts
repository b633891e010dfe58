/** Silence on the clock of the video: when it begins, how exact it is, when it stops. */
import { describe, expect, test } from "bun:test";
import { SilentTrack, silenceTime } from "../../src/media/silent-track.ts";

const DAY = 86_400_000;

/** What is added before video of these times. */
function play(track: SilentTrack, times: readonly number[]) {
  return times.map((time) => track.onVideo(time));
}

const every40 = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + i * 40);

describe("SilentTrack", () => {
  test("waits for sound for a second of video, then begins where the video is", () => {
    const track = new SilentTrack({ certain: false });
    const added = play(track, every40(500, 40));
    expect(added.slice(0, 25).every(({ times }) => times.length === 0)).toBe(true);
    expect(added[25]).toEqual({ header: true, times: [1500] });
    expect(added[26]).toEqual({ header: false, times: [1523] });
    expect(added[27]).toEqual({ header: false, times: [1546, 1569] });
    expect(added.filter(({ header }) => header).length).toBe(1);
  });

  test("begins with the first video of a source that cannot have sound", () => {
    const track = new SilentTrack({ certain: true });
    expect(track.onVideo(0)).toEqual({ header: true, times: [0] });
  });

  test("a source with sound gets none", () => {
    const track = new SilentTrack({ certain: false });
    expect(track.onVideo(0).times).toEqual([]);
    expect(track.onAudio(10)).toBe(true);
    expect(play(track, every40(40, 100)).flatMap(({ times }) => times)).toEqual([]);
  });

  test("stops when sound comes, and lets none of it go before what is out already", () => {
    const track = new SilentTrack({ certain: true });
    play(track, every40(0, 50));
    expect(track.running).toBe(true);
    expect(track.onAudio(1900)).toBe(false);
    expect(track.onAudio(1960)).toBe(true);
    expect(track.running).toBe(false);
    expect(play(track, every40(2000, 50)).flatMap(({ times }) => times)).toEqual([]);
  });

  test("goes on over a lost source without a gap, and begins anew when the sound does not come back", () => {
    const track = new SilentTrack({ certain: false });
    play(track, every40(0, 50));
    track.newSession();
    const times = play(track, every40(2000, 50)).flatMap((silence) => silence.times);
    expect(times[0]! - 1960).toBeLessThan(24);
    track.onAudio(4000);
    track.newSession();
    const again = play(track, every40(4040, 50));
    expect(again.findIndex(({ header }) => header)).toBe(25);
    expect(again[25]!.times).toEqual([5040]);
  });

  test("a step of the video is filled", () => {
    const track = new SilentTrack({ certain: true });
    track.onVideo(0);
    const { times } = track.onVideo(5000);
    expect(times.length).toBe(215);
    expect(times.at(-1)).toBe(silenceTime(215));
  });

  test("frames count samples, exactly for a month and more", () => {
    const days = 30n * 86_400n * 44_100n;
    for (const start of [0n, days / 1024n, 100n * (days / 1024n), (1000n * days) / 1024n]) {
      for (let n = start; n < start + 2000n; n++) {
        const exact = (n * 1024n * 1000n) / 44_100n;
        if (silenceTime(Number(n)) !== Number(exact)) throw new Error(`audio frame ${n}`);
      }
    }
    expect([0, 1, 2, 3, 4, 441].map(silenceTime)).toEqual([0, 23, 46, 69, 92, 10_240]);
  });

  test("is exact over thirty days", () => {
    expect(silenceTime(44_100)).toBe(1_024_000);
    const frames = Math.floor((30 * DAY * 44.1) / 1024);
    expect(silenceTime(frames)).toBe(Math.floor((frames * 1024) / 44.1));
    const track = new SilentTrack({ certain: true });
    let count = 0;
    let last = 0;
    for (let time = 0; time <= DAY; time += 1000) {
      const { times } = track.onVideo(time);
      count += times.length;
      last = times.at(-1)!;
      expect(time - last).toBeLessThan(24);
    }
    expect(last).toBe(silenceTime(count - 1));
  });
});
