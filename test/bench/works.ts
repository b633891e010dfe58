/** The works of the benchmark: the stream, where it goes, who does it, and what of it stands in the table. */
import { PREROLL_MS } from "./paced.ts";
import {
  type Contestant,
  crowds,
  liveRelayers,
  pullers,
  pushers,
  relayers,
  tlsRelayers,
} from "./contestants.ts";
import { type Measurement, median, percentile } from "./measure.ts";

/** A measurement, the smallest share of the stream that arrived anywhere, and times in ms. */
export type Result = Measurement & {
  arrived: number;
  /** From the start until the first byte was at the source, and until media was at the first sink. */
  hello: number;
  firstMedia: number;
  /** How long each marked frame was on its way. */
  delays: number[];
};

/** One line of the table; a smaller value is better. */
export type Line = { title: string; unit: string; value(results: readonly Result[]): number; digits: number };

/** A piece of work. `sinks` is how many copies of each stream must arrive. */
export type Work = {
  id: string;
  title: string;
  source: { mode: "flood" | "paced"; amount: number } | undefined;
  streams: number;
  sinks: number;
  tls: boolean;
  /** Which show: 6 Mbit/s, or a light one. */
  light: boolean;
  contestants: Contestant[];
  lines: Line[];
};

const MIB = 2 ** 20;
const middle = (
  key: "cpu" | "rate" | "wall" | "peak" | "settled" | "hello" | "firstMedia",
  scale: number,
) => {
  return (results: readonly Result[]) => median(results.map((result) => result[key])) / scale;
};
const late = (share: number) => (results: readonly Result[]) =>
  median(results.map(({ delays }) => percentile(delays, share)));

const CPU: Line = { title: "processor time", unit: "s", value: middle("cpu", 1_000), digits: 3 };
const RATE: Line = {
  title: "processor time per second, once it runs",
  unit: "ms",
  value: middle("rate", 1),
  digits: 1,
};
const WALL: Line = { title: "wall time", unit: "s", value: middle("wall", 1_000), digits: 2 };
const PEAK: Line = { title: "peak memory", unit: "MiB", value: middle("peak", MIB), digits: 1 };
const SETTLED: Line = { title: "settled memory", unit: "MiB", value: middle("settled", MIB), digits: 1 };
const HELLO: Line = { title: "start to first byte sent", unit: "ms", value: middle("hello", 1), digits: 1 };
const MEDIA: Line = {
  title: "start to first media at a destination",
  unit: "ms",
  value: middle("firstMedia", 1),
  digits: 0,
};
const DELAYS: Line[] = [
  { title: "delay, p50", unit: "ms", value: late(0.5), digits: 2 },
  { title: "delay, p99", unit: "ms", value: late(0.99), digits: 2 },
  { title: "delay, max", unit: "ms", value: late(1), digits: 2 },
];

/** How large the works are. */
export type Sizes = { flood: number; seconds: number; streams: number };

/** All works. */
export function makeWorks({ flood, seconds, streams }: Sizes, dir: string, longFile: string): Work[] {
  const base = { streams: 1, sinks: 1, tls: false, light: false };
  const fast = { mode: "flood" as const, amount: flood };
  const size = `${flood / MIB} MiB`;
  const relay = (sinks: number, amount: number): Work => ({
    ...base,
    id: `relay-${sinks}`,
    title: `relay 1 to ${sinks}, ${amount / MIB} MiB, as fast as it goes`,
    source: { mode: "flood", amount },
    sinks,
    contestants: relayers,
    lines: [CPU, WALL, PEAK],
  });
  const live = `${seconds + PREROLL_MS / 1_000} s`;
  return [
    {
      ...base,
      id: "pull",
      title: `pull ${size} to FLV, as fast as it goes`,
      source: fast,
      sinks: 0,
      contestants: pullers(dir),
      lines: [CPU, WALL, PEAK, HELLO],
    },
    {
      ...base,
      id: "pull-short",
      title: "pull 1 MiB: beginning and end alone",
      source: { mode: "flood", amount: MIB },
      sinks: 0,
      contestants: pullers(dir),
      lines: [CPU, WALL],
    },
    relay(1, flood),
    relay(4, flood),
    relay(16, flood),
    {
      ...base,
      id: "paced",
      title: `relay 1 to 4, live, 6 Mbit/s, 30 fps, ${live}`,
      source: { mode: "paced", amount: seconds },
      sinks: 4,
      contestants: liveRelayers,
      lines: [CPU, RATE, PEAK, SETTLED, ...DELAYS, MEDIA],
    },
    {
      ...base,
      id: "rtmps",
      title: `relay 1 to 1 over TLS, ${size}, as fast as it goes`,
      source: fast,
      tls: true,
      contestants: tlsRelayers,
      lines: [CPU, WALL, PEAK],
    },
    {
      ...base,
      id: "push",
      title: `push a file of ${size}, as fast as it goes`,
      source: undefined,
      contestants: pushers(longFile),
      lines: [CPU, WALL, PEAK],
    },
    {
      ...base,
      id: "many",
      title: `relay ${streams} live streams of 2 Mbit/s, ${live}`,
      source: { mode: "paced", amount: seconds },
      streams,
      light: true,
      contestants: crowds,
      lines: [CPU, RATE, PEAK, ...DELAYS],
    },
  ];
}
