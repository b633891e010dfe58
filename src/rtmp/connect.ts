/**
 * The argument of connect: what servers look at to decide where a client belongs and what it may do.
 * protocol.md 5.1 says who needs which field; anything beyond has no reader.
 */

import { amfObject, type Amf0Value } from "../amf/amf0.ts";
import { formatTcUrl, type RtmpUrl } from "./url.ts";

/** Publishers show themselves as FMLE: Wowza's allow-list looks for that prefix. */
const PUBLISH_FLASH_VERSION = "FMLE/3.0 (compatible; FMSc/1.0)";
/** Players as librtmp, which every server has met. */
const PLAY_FLASH_VERSION = "LNX 10,0,32,18";

/** Enhanced RTMP capability flags: multitrack and ModEx are passed through. */
const CAPS_EX = 2 | 4;

/** What a client connects for, and with which codecs (FourCC names) beyond the legacy ones. */
export type ConnectOptions = {
  readonly url: RtmpUrl;
  readonly intent: "publish" | "play";
  /** Query that authentication appends to app and tcUrl; "" for none. */
  readonly authQuery: string;
  readonly fourCcs: FourCcs;
};

/** Codecs by their FourCC names, as Enhanced RTMP announces them. */
export type FourCcs = { readonly video: readonly string[]; readonly audio: readonly string[] };

/** None: the widest compatibility. */
export const NO_FOURCCS: FourCcs = { video: [], audio: [] };

/** FourCcInfoMask: we neither decode nor encode, we pass on. */
const CAN_FORWARD = 4;

/** The command object of connect. */
export function connectObject(options: ConnectOptions): Amf0Value {
  const { url, intent, authQuery, fourCcs } = options;
  const app = url.app + authQuery;
  const common = {
    app,
    type: intent === "publish" ? "nonprivate" : undefined,
    flashVer: url.flashVer ?? (intent === "publish" ? PUBLISH_FLASH_VERSION : PLAY_FLASH_VERSION),
    swfUrl: url.swfUrl ?? (intent === "publish" ? formatTcUrl(url) : undefined),
    tcUrl: formatTcUrl(url) + authQuery,
    pageUrl: url.pageUrl,
  };
  const player = { fpad: false, capabilities: 15, audioCodecs: 4071, videoCodecs: 252, videoFunction: 1 };
  return amfObject({ ...common, ...(intent === "play" ? player : {}), ...enhancedFields(fourCcs) });
}

/** The fields of Enhanced RTMP v2; the list is for servers of its first version. */
function enhancedFields({ video, audio }: FourCcs): Record<string, Amf0Value> {
  if (video.length + audio.length === 0) return {};
  const map = (names: readonly string[]): Amf0Value =>
    amfObject(Object.fromEntries(names.map((name) => [name, CAN_FORWARD])));
  return {
    fourCcList: [...video, ...audio],
    videoFourCcInfoMap: map(video),
    audioFourCcInfoMap: map(audio),
    capsEx: CAPS_EX,
  };
}
