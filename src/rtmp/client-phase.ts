/**
 * The options and phases of a client session, and what a no, a silence or a hang-up means in each of them. Pure; called by
 * RtmpClient.
 */

import { RemoteError, TAKEN_BACK, TransportError } from "../errors.ts";
import { isAuthChallenge } from "./auth.ts";
import type { Wish } from "./client-commands.ts";
import type { ConnectOptions } from "./connect.ts";
import type { RtmpEvent } from "./events.ts";
import { refusalError, type Status } from "./status.ts";

/** What a client is for and how long it waits. Times in ms. */
export type RtmpClientOptions = ConnectOptions & {
  readonly handshake: "simple" | "digest";
  /** At least 3032 random bytes for the handshake. */
  readonly random: Uint8Array;
  /** How long each step up to the start of the stream may take. */
  readonly stepTimeout: number;
  readonly startTimeout: number;
  /** Go no further than an accepted connect: nothing is published or played. */
  readonly connectOnly?: boolean | undefined;
  /** A played stream without any media for this long is stalled. */
  readonly stall: number;
};

/** `create` waits for createStream, `start` for the answer to publish or play. */
export type Phase = "handshake" | "connect" | "create" | "start" | "live" | "over";

const PHASE_NAME: Readonly<Record<Phase, string>> = {
  handshake: "the handshake",
  connect: "connect",
  create: "createStream",
  start: "the request for the stream",
  live: "the stream",
  over: "the end",
};

/** The peer did not answer within `waited` ms. */
export function timeoutError(phase: Phase, waited: number): TransportError {
  const seconds = waited / 1000;
  if (phase === "live") return new TransportError(`no media for ${seconds}s`, "stalled");
  return new TransportError(`the server did not answer ${PHASE_NAME[phase]} within ${seconds}s`, "timeout");
}

/** A publish that the server hangs up on this soon after accepting it was refused, in ms. */
const TAKEN_BACK_WITHIN_MS = 3000;

/**
 * The peer closed a live stream that was accepted `age` ms ago. nginx-rtmp answers Start before it looks at its
 * access rules: once, that may be the line or a restart; who sees it again and again knows better. A stream that was
 * live for longer is simply lost.
 */
export function closedLiveError(
  intent: Wish["intent"],
  age: number,
  sawMedia: boolean,
): RemoteError | TransportError {
  if (intent === "publish" && age < TAKEN_BACK_WITHIN_MS) {
    return new RemoteError("the server accepted the stream and hung up at once", {
      code: TAKEN_BACK,
      refusal: "name",
    });
  }
  if (intent === "play" && !sawMedia) {
    return new RemoteError(
      "the server accepted the request and hung up without any media; does the stream exist?",
      {
        code: "closed",
        refusal: "not-live",
      },
    );
  }
  return new TransportError("the server closed the connection", "closed");
}

/** The peer closed the connection. Many servers refuse so, without a word. */
export function closedError(phase: Phase, { url, intent }: Wish): RemoteError | TransportError {
  switch (phase) {
    case "connect": {
      const app = url.app.replace(/\?.*/s, "");
      return new RemoteError(
        `the server closed the connection when asked for the application "${app}"; is that its name?`,
        { code: "closed", refusal: "app" },
      );
    }
    case "create":
    case "start":
      if (intent === "publish") {
        return new RemoteError(
          "the server closed the connection when asked to publish; is the stream key right and not in use?",
          { code: "closed", refusal: "name" },
        );
      }
      return new RemoteError("the server closed the connection when asked for the stream; does it exist?", {
        code: "closed",
        refusal: "not-live",
      });
    default:
      return new TransportError(`the server closed the connection during ${PHASE_NAME[phase]}`, "closed");
  }
}

/** What a session reports when the server ends it: a way to go on, or an error. */
export type Ending = Extract<RtmpEvent, { type: "auth" | "redirect" | "refused" }>;

/**
 * What a refusal comes to. `text` stands in where there is no information object. A stream that is live is only
 * lost by it: where to go instead shows when the next connection begins.
 */
export function endingOf(status: Status | undefined, text: string, phase: Phase): Ending {
  const description = status?.description ?? text;
  if (phase !== "live") {
    if (isAuthChallenge(description)) return { type: "auth", description };
    if (status?.redirect !== undefined) {
      return { type: "redirect", url: status.redirect, hasStream: status.redirectHasStream };
    }
  }
  const unsaid = {
    level: "error",
    code: "_error",
    description,
    redirect: undefined,
    redirectHasStream: false,
  };
  return { type: "refused", error: refusalError(status ?? unsaid) };
}

/** The server asked to close, or ended the stream before it began. */
export function endedError(reason: string): RemoteError {
  return new RemoteError(`the server ended the session: ${reason}`, { code: reason, refusal: "failed" });
}
