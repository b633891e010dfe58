/**
 * Source: plays a stream from an RTMP server. Where a sink must not lose anything (a recording alone), reading
 * pauses while it is congested and the server feels TCP back-pressure.
 */

import { dialRtmp, type DialTarget, type RtmpLink } from "../../net/rtmp-dial.ts";
import type { MediaEvent } from "../../rtmp/events.ts";
import { redactUrl } from "../../rtmp/url.ts";
import type { Ingest } from "../ingest.ts";
import type { Source } from "../source.ts";

/** A stream of an RTMP server as a source; `trace` gets what the server says. */
export function rtmpPlaySource(target: DialTarget, trace: (line: string) => void): Source {
  return {
    name: redactUrl(target.url, { showName: true }),
    nature: "played",
    run: (ingest, signal) => play(target, trace, ingest, signal),
  };
}

function play(
  target: DialTarget,
  trace: (line: string) => void,
  ingest: Ingest,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let link: RtmpLink | undefined;
    let over = false;
    let waiting = false;
    const leave = (settle: () => void): void => {
      if (over) return;
      over = true;
      signal.removeEventListener("abort", stop);
      settle();
      if (link !== undefined) void link.finish();
    };
    const stop = (): void => leave(() => resolve("stopped"));
    const waitForSinks = (): void => {
      if (waiting || link === undefined) return;
      waiting = true;
      link.pause();
      void ingest.room(signal).then(() => {
        waiting = false;
        link?.resume();
      });
    };
    signal.addEventListener("abort", stop, { once: true });
    const handler = {
      onMedia: (event: MediaEvent) => {
        if (!over) ingest.receive(event);
      },
      onSegmentEnd: () => {
        if (over) return;
        ingest.flush();
        if (ingest.mustWait) waitForSinks();
      },
      onEnded: (reason: string) => leave(() => resolve(reason)),
      onReturned: () => trace("a publisher is there"),
      onDrain: () => {},
      onClose: (error: Error) => leave(() => reject(error)),
      onTrace: trace,
    };
    dialRtmp(target, handler, signal).then(
      (live) => {
        link = live;
        if (over) void live.finish();
      },
      (error: unknown) => leave(() => reject(error)),
    );
  });
}
