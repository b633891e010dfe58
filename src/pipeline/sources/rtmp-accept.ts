/**
 * Source: waits for a publisher (OBS, ffmpeg, GStreamer, a camera) and takes its stream. One session is one
 * publisher; the door stays open between them.
 */

import type { Ingest } from "../ingest.ts";
import type { Source } from "../source.ts";
import type { ListenPort, Visitor } from "./listen-port.ts";

/** Publishers that come to `port` as a source; `onWaiting` is told each time that the door is open for one. */
export function rtmpAcceptSource(name: string, port: ListenPort, onWaiting: () => void): Source {
  return {
    name,
    nature: "awaited",
    run: async (ingest, signal) => {
      port.open();
      if (!signal.aborted) onWaiting();
      const visitor = await port.nextPublisher(signal);
      return visitor === undefined ? "stopped" : receive(visitor, port, ingest, signal);
    },
  };
}

function receive(visitor: Visitor, port: ListenPort, ingest: Ingest, signal: AbortSignal): Promise<string> {
  const { link, request } = visitor;
  return new Promise((resolve) => {
    let waiting = false;
    const leave = (reason: string): void => {
      signal.removeEventListener("abort", stop);
      port.release(link);
      resolve(reason);
    };
    const stop = (): void => {
      link.dismiss({ code: "NetStream.Unpublish.Success", description: "The receiver stops" });
      leave("stopped");
    };
    const waitForSinks = (): void => {
      if (waiting) return;
      waiting = true;
      link.pause();
      void ingest.room(signal).then(() => {
        waiting = false;
        link.resume();
      });
    };
    signal.addEventListener("abort", stop, { once: true });
    const accepted = link.accept(request.id, {
      onMedia: (event) => ingest.receive(event),
      onSegmentEnd: () => {
        ingest.flush();
        if (ingest.mustWait) waitForSinks();
      },
      onDrain: () => {},
      onEnd: (reason) => leave(`the publisher left (${reason})`),
    });
    if (!accepted) leave("the publisher left before it was answered");
  });
}
