/**
 * What the status codes of servers mean to a client: one table, matched without regard to case because servers
 * differ in it ("NetStream.unpublish.Success" is SRS's). protocol.md 5.6 lists who sends what.
 */

import { RemoteError, type Refusal } from "../errors.ts";
import { getProperty, stringOf, type Amf0Value } from "../amf/amf0.ts";

/**
 * What a status does to a session: `publishing` and `playing` start it, `ended` closes the current stream,
 * `returned` announces a publisher, `done` confirms an unpublish, `refused` ends the session.
 */
export type Reaction = "publishing" | "playing" | "ended" | "returned" | "done" | "ignore" | "refused";

type Row = { readonly reaction: Reaction; readonly refusal?: Refusal };

const refused = (refusal: Refusal): Row => ({ reaction: "refused", refusal });
const is = (reaction: Reaction): Row => ({ reaction });

const TABLE: ReadonlyMap<string, Row> = new Map([
  ["netconnection.connect.success", is("ignore")],
  ["netconnection.connect.rejected", refused("auth")],
  ["netconnection.connect.invalidapp", refused("app")],
  ["netconnection.connect.failed", refused("failed")],
  ["netconnection.connect.closed", refused("failed")],
  ["netconnection.connect.appshutdown", refused("failed")],
  ["netconnection.connect.reconnectrequest", is("ignore")],
  ["netconnection.call.failed", is("ignore")],
  ["netconnection.proxy.notresponding", refused("failed")],
  ["netstream.publish.start", is("publishing")],
  ["netstream.publish.badname", refused("name")],
  ["netstream.publish.denied", refused("auth")],
  ["netstream.publish.rejected", refused("auth")],
  ["netstream.publish.unauthorized", refused("auth")],
  ["netstream.publish.badauth", refused("auth")],
  ["netstream.publish.failed", refused("auth")],
  ["netstream.publish.idle", is("ignore")],
  ["netstream.publish.reset", is("ignore")],
  ["netstream.unpublish.success", is("done")],
  ["netstream.play.start", is("playing")],
  ["netstream.play.reset", is("playing")],
  ["netstream.data.start", is("ignore")],
  ["netstream.play.publishnotify", is("returned")],
  ["netstream.play.unpublishnotify", is("ended")],
  ["netstream.play.stop", is("ended")],
  ["netstream.play.complete", is("ended")],
  ["netstream.play.streamnotfound", refused("not-live")],
  ["netstream.play.failed", refused("auth")],
  ["netstream.play.badauth", refused("auth")],
  ["netstream.play.insufficientbw", is("ignore")],
  ["netstream.play.switch", is("ignore")],
  ["netstream.play.transition", is("ignore")],
  ["netstream.play.transitioncomplete", is("ignore")],
  ["netstream.pause.notify", is("ignore")],
  ["netstream.unpause.notify", is("ignore")],
  ["netstream.seek.notify", is("ignore")],
  ["netstream.speed.notify", is("ignore")],
  ["netstream.seek.failed", is("ignore")],
  ["netstream.seek.invalidtime", is("ignore")],
  ["netstream.buffer.full", is("ignore")],
  ["netstream.buffer.empty", is("ignore")],
  ["netstream.buffer.flush", is("ignore")],
  ["netstream.record.start", is("ignore")],
  ["netstream.record.stop", is("ignore")],
  ["netstream.record.failed", is("ignore")],
  ["netstream.record.noaccess", is("ignore")],
  ["netstream.failed", refused("failed")],
  ["netstream.authenticate.ushertoken", is("ignore")],
  ["netstream.deletestream.suceess", is("ignore")],
]);

/** A status as the peer gave it; `level` is "status" where the peer left it out and the code sounds well. */
export type Status = {
  readonly level: string;
  readonly code: string;
  readonly description: string;
  /** Where to go instead, from `ex: {code: 302}`: SRS's full URL (redirect2) or the other server's tcUrl. */
  readonly redirect: string | undefined;
  readonly redirectHasStream: boolean;
};

/** Finds the information object among a command's values: the first one that has a `code`. */
export function readStatus(values: readonly Amf0Value[]): Status | undefined {
  for (const value of values) {
    const code = stringOf(getProperty(value, "code"));
    if (code === undefined) continue;
    const level = stringOf(getProperty(value, "level"));
    const ex = getProperty(value, "ex");
    const full = nonEmpty(getProperty(ex, "redirect2"));
    return {
      level: level ?? (/(start|success|reset|notify)$/i.test(code) ? "status" : ""),
      code,
      description:
        stringOf(getProperty(value, "description")) ?? stringOf(getProperty(value, "details")) ?? "",
      redirect: full ?? nonEmpty(getProperty(ex, "redirect")),
      redirectHasStream: full !== undefined,
    };
  }
  return undefined;
}

function nonEmpty(value: Amf0Value): string | undefined {
  return stringOf(value) || undefined;
}

/** What to do about a status; an unknown code is a refusal only if its level says error before the start. */
export function reactionTo(status: Status, live: boolean): Reaction {
  const row = TABLE.get(status.code.toLowerCase());
  if (row !== undefined) return row.reaction;
  if (/^netstream\.publish\.start/i.test(status.code)) return "publishing";
  return status.level.toLowerCase() === "error" && !live ? "refused" : "ignore";
}

/** The refusal as an error: the server's own code, and its description where it gives one. */
export function refusalError(status: Status): RemoteError {
  const refusal = TABLE.get(status.code.toLowerCase())?.refusal ?? "failed";
  const said = status.description === "" ? status.code : `${status.code} (${status.description})`;
  return new RemoteError(`the server refused: ${said}`, { code: status.code, refusal });
}
