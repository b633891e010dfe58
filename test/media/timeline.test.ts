import { describe, expect, test } from "bun:test";
import type { MediaKind, PacketRole } from "../../src/media/packet.ts";
import { Timeline } from "../../src/media/timeline.ts";
import { pick, seededRandom } from "../support/mutate.ts";

const DAY = 86_400_000;

type Step = [kind: MediaKind, role: PacketRole, stamp: number];

function mapAll(steps: readonly Step[], timeline = new Timeline()): number[] {
  return steps.map(([kind, role, stamp]) => timeline.map(kind, role, stamp));
}

function video(...stamps: number[]): Step[] {
  return stamps.map((stamp) => ["video", "frame", stamp]);
}

describe("Timeline", () => {
  const CASES: [name: string, steps: Step[], expected: number[], discontinuities: number][] = [
    ["the first packet is time 0", video(5000, 5040, 5080), [0, 40, 80], 0],
    [
      "headers and metadata before media are at 0 whatever their stamp",
      [
        ["data", "metadata", 77],
        ["video", "header", 0],
        ["audio", "header", 123456],
        ["video", "key", 2560],
        ["audio", "frame", 2570],
      ],
      [0, 0, 0, 0, 10],
      0,
    ],
    [
      "headers in between get the current time",
      [...video(100, 140), ["video", "header", 0], ["data", "metadata", 0], ...video(180)],
      [0, 40, 40, 40, 80],
      0,
    ],
    [
      "a header does not push its own track ahead of a frame that lags behind the other one",
      [
        ["video", "key", 0],
        ["audio", "frame", 30],
        ["video", "header", 0],
        ["video", "frame", 20],
      ],
      [0, 30, 0, 20],
      0,
    ],
    [
      "a header of a track that has long been silent is now",
      [
        ["video", "key", 0],
        ["audio", "frame", 5000],
        ["video", "header", 0],
        ["video", "key", 5010],
      ],
      [0, 5000, 5000, 5010],
      0,
    ],
    [
      "audio before the first video is not negative",
      [
        ["video", "key", 1000],
        ["audio", "frame", 990],
        ["audio", "frame", 1013],
      ],
      [0, 0, 13],
      0,
    ],
    [
      "audio and video interleave with small steps back",
      [
        ["video", "key", 0],
        ["audio", "frame", 200],
        ["video", "frame", 40],
        ["audio", "frame", 223],
        ["video", "frame", 80],
      ],
      [0, 200, 40, 223, 80],
      0,
    ],
    ["a track never goes back", video(0, 40, 20, 80), [0, 40, 40, 80], 0],
    ["2^32 wraps", video(0xffffffd8, 0, 40), [0, 40, 80], 0],
    ["2^31 is an ordinary number", video(0x7fffffd8, 0x80000000, 0x80000028), [0, 40, 80], 0],
    ["2^24 is an ordinary number", video(0xffffd8, 0x1000000, 0x1000028), [0, 40, 80], 0],
    ["60 s ahead is a gap", video(0, 60_000), [0, 60_000], 0],
    ["more than 60 s ahead is a new clock", video(0, 40, 60_041, 60_081), [0, 40, 80, 120], 1],
    ["up to 1 s back within one kind is reordering", video(0, 2000, 1000, 2040), [0, 2000, 2000, 2040], 0],
    [
      "more than 1 s back within one kind is a new clock",
      video(0, 2000, 999, 1039),
      [0, 2000, 2040, 2080],
      1,
    ],
    [
      "one stray stamp behind does not move the clock",
      video(0, 10_000, 0, 10_040),
      [0, 10_000, 10_040, 10_040],
      1,
    ],
    ["one stray stamp far ahead does not either", video(0, 40, 500_000, 80, 120), [0, 40, 80, 80, 120], 1],
    [
      "audio may lie seconds behind video all the time",
      [
        ["video", "key", 6000],
        ["audio", "frame", 1000],
        ["video", "frame", 6040],
        ["audio", "frame", 1023],
        ["video", "frame", 6080],
        ["audio", "frame", 8000],
      ],
      [0, 0, 40, 0, 80, 2000],
      0,
    ],
    [
      "a source that begins anew early on: audio and video move together, late packets keep the old clock",
      [
        ["video", "key", 0],
        ["audio", "frame", 10],
        ["video", "frame", 3000],
        ["audio", "frame", 3010],
        ["video", "key", 0],
        ["audio", "frame", 3033],
        ["audio", "frame", 10],
        ["video", "frame", 40],
        ["audio", "frame", 33],
      ],
      [0, 10, 3000, 3010, 3050, 3033, 3060, 3090, 3083],
      1,
    ],
    ["more than 10 s back is a new clock", video(0, 20_000, 9999, 10_039), [0, 20_000, 20_040, 20_080], 1],
    [
      "steps back one after the other are new clocks",
      video(0, 20_000, 14_000, 8000, 8040),
      [0, 20_000, 20_040, 20_080, 20_120],
      2,
    ],
    [
      "a restart moves audio and video together",
      [
        ["video", "key", 100_000],
        ["audio", "frame", 100_010],
        ["video", "key", 0],
        ["audio", "frame", 10],
        ["video", "frame", 40],
        ["audio", "frame", 33],
      ],
      [0, 10, 50, 60, 90, 83],
      1,
    ],
    [
      "the last packets of the old clock do not disturb the new one",
      [
        ["video", "frame", 100_000],
        ["audio", "frame", 100_010],
        ["video", "key", 0],
        ["audio", "frame", 100_033],
        ["video", "frame", 40],
        ["audio", "frame", 33],
      ],
      [0, 10, 50, 33, 90, 83],
      1,
    ],
    [
      "audio and video on clocks of their own",
      [
        ["video", "key", 0],
        ["audio", "frame", 900_000_000],
        ["video", "frame", 40],
        ["audio", "frame", 900_000_023],
        ["video", "frame", 80],
        ["audio", "frame", 900_000_046],
      ],
      [0, 40, 40, 63, 80, 86],
      1,
    ],
    [
      "go2rtc: 24-bit wrap",
      [
        ["video", "key", 0xffffc0],
        ["audio", "frame", 0xfffff0],
        ["video", "frame", 0x000000],
        ["audio", "frame", 0xfffffc],
        ["video", "frame", 0x000028],
        ["audio", "frame", 0x000020],
      ],
      [0, 48, 64, 60, 104, 96],
      0,
    ],
    [
      "data packets neither begin the timeline nor move it",
      [
        ["data", "frame", 0],
        ["video", "key", 5_000_000],
        ["data", "frame", 5_000_020],
        ["data", "frame", 0],
        ["video", "frame", 5_000_040],
      ],
      [0, 0, 20, 20, 40],
      0,
    ],
    [
      "an end mark is placed by its stamp when that fits and is now when not",
      [["video", "end", 7], ...video(1000, 1040), ["video", "end", 1080], ["video", "end", 999_999_999]],
      [0, 0, 40, 80, 80],
      0,
    ],
    [
      "an end mark from far ahead holds nothing up",
      [...video(1000), ["video", "end", 60_000], ...video(1040)],
      [0, 0, 40],
      0,
    ],
  ];

  test.each(CASES)("%s", (_name, steps, expected, discontinuities) => {
    const timeline = new Timeline();
    expect(mapAll(steps, timeline)).toEqual(expected);
    expect(timeline.discontinuities).toBe(discontinuities);
  });

  test("a file that loops every two seconds plays on, audio and video together", () => {
    const timeline = new Timeline();
    for (let round = 0; round < 50; round++) {
      const from = round * 2040;
      for (let time = 0; time <= 2000; time += 40) {
        if (timeline.map("video", time === 0 ? "key" : "frame", time) !== from + time)
          throw new Error(`video at ${time} of round ${round}`);
        if (time === 2000) break;
        const audio = timeline.map("audio", "frame", time + 17);
        if (audio !== from + time + 17) throw new Error(`audio at ${time} of round ${round}: ${audio}`);
      }
    }
    expect(timeline.discontinuities).toBe(49);
  });

  test("reconnect continues after the gap whatever the stamps", () => {
    const timeline = new Timeline();
    expect(mapAll(video(1000, 1040), timeline)).toEqual([0, 40]);
    timeline.reconnect(2000);
    const next: Step[] = [
      ["video", "header", 0],
      ["audio", "header", 99],
      ["audio", "frame", 0x90000000],
      ["video", "key", 0x90000010],
      ["audio", "frame", 0x90000017],
    ];
    expect(mapAll(next, timeline)).toEqual([2040, 2040, 2040, 2056, 2063]);
    expect(timeline.position).toBe(2063);
    timeline.reconnect(0);
    expect(mapAll(video(5), timeline)).toEqual([2063]);
    expect(timeline.discontinuities).toBe(0);
  });

  test("reconnect before any media leaves the beginning at 0; the last of several counts", () => {
    const timeline = new Timeline();
    timeline.map("video", "header", 5);
    timeline.reconnect(3000);
    expect(mapAll(video(70, 80), timeline)).toEqual([0, 10]);
    timeline.reconnect(100);
    timeline.reconnect(250.4);
    expect(mapAll(video(9), timeline)).toEqual([260]);
    timeline.reconnect(NaN);
    expect(mapAll(video(9), timeline)).toEqual([260]);
  });

  test("60 days of audio and video stay exact and together", () => {
    const timeline = new Timeline();
    const start = 0xfff00000;
    timeline.map("video", "key", start);
    // One packet of each kind every 4 s: past 2^24 and 2^31, through 2^32 twice.
    for (let time = 4000; time <= 60 * DAY; time += 4000) {
      if (timeline.map("video", "frame", (start + time) % 2 ** 32) !== time)
        throw new Error(`video at ${time}`);
      const late = time - 17;
      if (timeline.map("audio", "frame", (start + late) % 2 ** 32) !== late)
        throw new Error(`audio at ${late}`);
    }
    expect(timeline.position).toBe(60 * DAY);
    expect(timeline.discontinuities).toBe(0);
  });

  test("3 days of a go2rtc peer are continuous", () => {
    const timeline = new Timeline();
    for (let time = 0; time <= 3 * DAY; time += 500) {
      if (timeline.map("video", "frame", time % 0x1000000) !== time) throw new Error(`video at ${time}`);
      const early = time + 21;
      if (timeline.map("audio", "frame", early % 0x1000000) !== early) throw new Error(`audio at ${early}`);
    }
    expect(timeline.discontinuities).toBe(0);
  });

  test("whatever the stamps, no track goes back", () => {
    const random = seededRandom(7);
    const kinds: MediaKind[] = ["audio", "video", "data"];
    const roles: PacketRole[] = ["frame", "key", "header", "metadata", "end"];
    const timeline = new Timeline();
    const last = { audio: 0, video: 0, data: 0 };
    let stamp = 0;
    for (let i = 0; i < 100_000; i++) {
      const kind = kinds[pick(random, 3)]!;
      stamp = random() < 0.02 ? pick(random, 2 ** 32) : (stamp + pick(random, 2000) - 500) >>> 0;
      if (random() < 0.001) timeline.reconnect(pick(random, 5000));
      const time = timeline.map(kind, roles[pick(random, 5)]!, stamp);
      if (!(time >= last[kind]) || !Number.isInteger(time))
        throw new Error(`${kind} from ${last[kind]} to ${time}`);
      last[kind] = time;
    }
    expect(timeline.discontinuities).toBeGreaterThan(0);
  });
});
