/** Tag bodies and what their first bytes say: one table for the tag tests. */
import type { MediaKind } from "../../src/media/packet.ts";
import type { TagHeader } from "../../src/media/tag.ts";

/** The fields that differ from PLAIN. */
export type TagCase = [name: string, kind: MediaKind, body: string, expected: Partial<TagHeader>];

/** A frame of an unknown codec whose payload begins behind the first byte. */
export const PLAIN: TagHeader = {
  role: "frame",
  codec: "",
  track: 0,
  compositionTime: 0,
  payloadOffset: 1,
  enhanced: false,
  packetType: 0,
  multitrack: false,
  empty: false,
};

const AVC_CONFIG = "0142c01fffe1000e6742c01f8c8d40f028900f08846a01000468ce3c80";
const HVCC_HEAD = "01 01 40000000 900000000000 7b f000 fc fd f8 f8 0000 0f";
const OPUS_HEAD = "4f70757348656164 01 02 3801 c05d0000 0000 00";
const VPCC = "01000000 00 28 82 02 02 02 0000";

/** Video bodies. */
export const VIDEO: TagCase[] = [
  [
    "V-51 AVC sequence header",
    "video",
    `1700000000 ${AVC_CONFIG}`,
    { role: "header", codec: "avc1", payloadOffset: 5 },
  ],
  [
    "V-54 end of sequence 17",
    "video",
    "1702000000",
    { role: "end", codec: "avc1", packetType: 2, payloadOffset: 5 },
  ],
  [
    "V-54 end of sequence 27",
    "video",
    "2702000000",
    { role: "end", codec: "avc1", packetType: 2, payloadOffset: 5 },
  ],
  [
    "end of sequence cut after two bytes",
    "video",
    "1702",
    { role: "end", codec: "avc1", packetType: 2, payloadOffset: 2 },
  ],
  [
    "V-55 composition time +10",
    "video",
    "17 01 00000a 010203",
    { role: "key", codec: "avc1", packetType: 1, compositionTime: 10, payloadOffset: 5 },
  ],
  [
    "V-55 composition time -34",
    "video",
    "17 01 ffffde 010203",
    { role: "key", codec: "avc1", packetType: 1, compositionTime: -34, payloadOffset: 5 },
  ],
  ["AVC inter frame", "video", "27 01 000000 41", { codec: "avc1", packetType: 1, payloadOffset: 5 }],
  ["AVC disposable frame", "video", "37 01 000000 01", { codec: "avc1", packetType: 1, payloadOffset: 5 }],
  [
    "AVC generated key frame",
    "video",
    "47 01 000000 65",
    { role: "key", codec: "avc1", packetType: 1, payloadOffset: 5 },
  ],
  [
    "AVC packet type of the future",
    "video",
    "17 05 000000 65",
    { codec: "avc1", packetType: 5, payloadOffset: 5 },
  ],
  ["AVC seek command", "video", "57 00", { codec: "avc1" }],
  [
    "V-56 legacy HEVC sequence header",
    "video",
    `1c 00 000000 ${HVCC_HEAD} 01 a0 0001 0007 40010c01ffff01`,
    { role: "header", codec: "hvc1", payloadOffset: 5 },
  ],
  [
    "legacy HEVC key frame",
    "video",
    "1c 01 000005 26",
    { role: "key", codec: "hvc1", packetType: 1, compositionTime: 5, payloadOffset: 5 },
  ],
  ["legacy AV1 frame", "video", "2d 01 000000 0a", { codec: "av01", packetType: 1, payloadOffset: 5 }],
  ["legacy VP9 key frame", "video", "1f 82", { role: "key", codec: "vp09" }],
  ["Sorenson key frame", "video", "12 00", { role: "key", codec: "FLV1" }],
  ["Sorenson disposable frame", "video", "32 00", { codec: "FLV1" }],
  ["VP6 inter frame", "video", "24 00 01", { codec: "VP6F" }],
  ["unknown legacy codec", "video", "1a 00 01", { role: "key" }],
  [
    "V-57 enhanced HEVC sequence start, frame type 0",
    "video",
    `80 68766331 ${HVCC_HEAD} 00`,
    { role: "header", codec: "hvc1", enhanced: true, payloadOffset: 5 },
  ],
  [
    "V-58 coded frames hvc1, +30",
    "video",
    "81 68766331 00001e 010203",
    { codec: "hvc1", enhanced: true, packetType: 1, compositionTime: 30, payloadOffset: 8 },
  ],
  [
    "V-58 coded frames avc1, -34",
    "video",
    "81 61766331 ffffde 010203",
    { codec: "avc1", enhanced: true, packetType: 1, compositionTime: -34, payloadOffset: 8 },
  ],
  [
    "enhanced key frame",
    "video",
    "91 68766331 000000 26",
    { role: "key", codec: "hvc1", enhanced: true, packetType: 1, payloadOffset: 8 },
  ],
  [
    "coded frames av01 have no composition time",
    "video",
    "91 61763031 0a0b00",
    { role: "key", codec: "av01", enhanced: true, packetType: 1, payloadOffset: 5 },
  ],
  [
    "V-59 coded frames X",
    "video",
    "83 68766331 010203",
    { codec: "hvc1", enhanced: true, packetType: 3, payloadOffset: 5 },
  ],
  [
    "V-59 sequence end av01",
    "video",
    "82 61763031",
    { role: "end", codec: "av01", enhanced: true, packetType: 2, payloadOffset: 5 },
  ],
  [
    "V-60 sequence start av01",
    "video",
    "80 61763031 81080c00 0a0b00000042abbfc3700be001",
    { role: "header", codec: "av01", enhanced: true, payloadOffset: 5 },
  ],
  [
    "V-61 sequence start vp09",
    "video",
    `80 76703039 ${VPCC}`,
    { role: "header", codec: "vp09", enhanced: true, payloadOffset: 5 },
  ],
  [
    "V-62 HDR metadata is a frame",
    "video",
    "84 68766331 020009636f6c6f72496e666f 03 000b636f6c6f72436f6e666967 03 000009 000009",
    { codec: "hvc1", enhanced: true, packetType: 4, payloadOffset: 5 },
  ],
  [
    "HDR metadata with the command frame type is still metadata",
    "video",
    "d4 68766331 05",
    { codec: "hvc1", enhanced: true, packetType: 4, payloadOffset: 5 },
  ],
  [
    "MPEG-2 TS sequence start",
    "video",
    "95 61763031 80",
    { role: "header", codec: "av01", enhanced: true, packetType: 5, payloadOffset: 5 },
  ],
  ["enhanced seek command", "video", "d0 01", { enhanced: true }],
  [
    "V-63 multitrack, one track",
    "video",
    `86 00 76703039 01 ${VPCC}`,
    { role: "header", codec: "vp09", track: 1, enhanced: true, multitrack: true, payloadOffset: 7 },
  ],
  [
    "V-64 multitrack, many tracks",
    "video",
    "96 11 68766331 00 000009 00001e 000000022601 01 000009 00001e 000000022601",
    {
      role: "key",
      codec: "hvc1",
      compositionTime: 30,
      enhanced: true,
      packetType: 1,
      multitrack: true,
      payloadOffset: 13,
    },
  ],
  [
    "multitrack, many codecs",
    "video",
    "a6 23 76703039 02 000002 0102 61766331 00 000001 01",
    { codec: "vp09", track: 2, enhanced: true, packetType: 3, multitrack: true, payloadOffset: 10 },
  ],
  [
    "multitrack arrangement of the future",
    "video",
    "96 31 68766331 00",
    { enhanced: true, packetType: 6, multitrack: true, payloadOffset: 2 },
  ],
  [
    "V-65 ModEx",
    "video",
    "97 02 07a120 03 68766331 000000022601",
    { role: "key", codec: "hvc1", enhanced: true, packetType: 3, payloadOffset: 10 },
  ],
  [
    "two ModEx, an unknown one first",
    "video",
    "97 00 aa f7 02 000001 01 68766331 000005 26",
    { role: "key", codec: "hvc1", enhanced: true, packetType: 1, compositionTime: 5, payloadOffset: 16 },
  ],
  [
    "ModEx with a 16-bit size",
    "video",
    `97 ff 0003 00000000 03 61766331 65`,
    { role: "key", codec: "avc1", enhanced: true, packetType: 3, payloadOffset: 13 },
  ],
  [
    "unknown FourCC",
    "video",
    "91 7a7a7a7a 01",
    { role: "key", enhanced: true, packetType: 1, payloadOffset: 5 },
  ],
  [
    "enhanced packet type of the future",
    "video",
    "9a 68766331 01",
    { codec: "hvc1", enhanced: true, packetType: 10, payloadOffset: 5 },
  ],
];

/** Audio bodies. */
export const AUDIO: TagCase[] = [
  ["V-50 AAC sequence header", "audio", "af 00 13 90", { role: "header", codec: "mp4a", payloadOffset: 2 }],
  ["AAC frame", "audio", "af 01 01182007", { codec: "mp4a", packetType: 1, payloadOffset: 2 }],
  [
    "V-66 Opus sequence start",
    "audio",
    `90 4f707573 ${OPUS_HEAD}`,
    { role: "header", codec: "Opus", enhanced: true, payloadOffset: 5 },
  ],
  [
    "V-66 AAC sequence start",
    "audio",
    "90 6d703461 1190",
    { role: "header", codec: "mp4a", enhanced: true, payloadOffset: 5 },
  ],
  [
    "V-66 AC-3 sequence start",
    "audio",
    "90 61632d33",
    { role: "header", codec: "ac-3", enhanced: true, payloadOffset: 5 },
  ],
  [
    "V-66 Opus sequence end",
    "audio",
    "92 4f707573",
    { role: "end", codec: "Opus", enhanced: true, packetType: 2, payloadOffset: 5 },
  ],
  [
    "V-66 Opus coded frames",
    "audio",
    "91 4f707573 010203",
    { codec: "Opus", enhanced: true, packetType: 1, payloadOffset: 5 },
  ],
  [
    "V-66 multichannel configuration",
    "audio",
    "94 4f707573 01 02 00000003",
    { codec: "Opus", enhanced: true, packetType: 4, payloadOffset: 5 },
  ],
  [
    "V-66 AC-3 on track 1",
    "audio",
    "95 00 61632d33 01",
    { role: "header", codec: "ac-3", track: 1, enhanced: true, multitrack: true, payloadOffset: 7 },
  ],
  [
    "ModEx before audio",
    "audio",
    "97 00 00 01 4f707573 01",
    { codec: "Opus", enhanced: true, packetType: 1, payloadOffset: 8 },
  ],
  ["V-68 G.711 A-law", "audio", "72 d5d5", { codec: "alaw" }],
  ["V-68 G.711 mu-law", "audio", "82 ffff", { codec: "ulaw" }],
  ["V-68 MP3", "audio", "2f fffb9064", { codec: ".mp3" }],
  ["MP3 at 8 kHz", "audio", "e2 ffe3", { codec: ".mp3" }],
  ["Speex", "audio", "b2 01", { codec: "spex" }],
  ["Nellymoser mono", "audio", "52 01", { codec: "NELL" }],
  ["legacy Opus", "audio", "df 01", { codec: "Opus" }],
  ["unknown legacy codec", "audio", "f0 01", {}],
];

/** Bodies that say nothing: `empty` comes on top of what is given here. */
export const EMPTY: TagCase[] = [
  ["V-67 no bytes, audio", "audio", "", { payloadOffset: 0 }],
  ["V-67 no bytes, video", "video", "", { payloadOffset: 0 }],
  ["V-67 no bytes, data", "data", "", { payloadOffset: 0 }],
  ["V-67 af", "audio", "af", { codec: "mp4a", payloadOffset: 1 }],
  ["V-67 af 01", "audio", "af 01", { codec: "mp4a", packetType: 1, payloadOffset: 2 }],
  ["V-67 17 01 000000", "video", "17 01 000000", { codec: "avc1", packetType: 1, payloadOffset: 5 }],
  ["AAC header without configuration", "audio", "af 00", { codec: "mp4a", payloadOffset: 2 }],
  ["AVC header without configuration", "video", "17 00 000000", { codec: "avc1", payloadOffset: 5 }],
  [
    "AVC cut in the composition time",
    "video",
    "17 01 00",
    { codec: "avc1", packetType: 1, payloadOffset: 3 },
  ],
  ["AVC cut after the first byte", "video", "17", { codec: "avc1", payloadOffset: 1 }],
  ["command without its byte", "video", "57", { codec: "avc1", payloadOffset: 1 }],
  ["G.711 without samples", "audio", "72", { codec: "alaw" }],
  [
    "enhanced audio cut in the FourCC",
    "audio",
    "91 4f7075",
    { enhanced: true, packetType: 1, payloadOffset: 4 },
  ],
  [
    "enhanced AAC header without configuration",
    "audio",
    "90 6d703461",
    { codec: "mp4a", enhanced: true, payloadOffset: 5 },
  ],
  [
    "enhanced Opus frame without payload",
    "audio",
    "91 4f707573",
    { codec: "Opus", enhanced: true, packetType: 1, payloadOffset: 5 },
  ],
  [
    "enhanced video cut in the FourCC",
    "video",
    "91 6876",
    { enhanced: true, packetType: 1, payloadOffset: 3 },
  ],
  [
    "enhanced video cut in the composition time",
    "video",
    "91 68766331 0000",
    { codec: "hvc1", enhanced: true, packetType: 1, payloadOffset: 7 },
  ],
  [
    "enhanced HEVC header without configuration",
    "video",
    "90 68766331",
    { codec: "hvc1", enhanced: true, payloadOffset: 5 },
  ],
  ["enhanced command without its byte", "video", "d0", { enhanced: true }],
  [
    "multitrack cut before the track id",
    "video",
    "86 00 76703039",
    { codec: "vp09", enhanced: true, multitrack: true, payloadOffset: 6 },
  ],
  [
    "multitrack cut in the size",
    "video",
    "86 10 76703039 00 0000",
    { codec: "vp09", enhanced: true, multitrack: true, payloadOffset: 9 },
  ],
  ["ModEx cut in its data", "video", "97 02 07a1", { enhanced: true, payloadOffset: 4 }],
  ["ModEx cut in its 16-bit size", "video", "97 ff 00", { enhanced: true, payloadOffset: 3 }],
  ["ModEx without what it extends", "video", "97 00 00", { enhanced: true, payloadOffset: 3 }],
];

const ON_META_DATA = "02000a6f6e4d65746144617461";
const SET_DATA_FRAME = "02000d40736574446174614672616d65";

/** Script data. */
export const DATA: TagCase[] = [
  ["onMetaData", "data", `${ON_META_DATA} 08 00000000 000009`, { role: "metadata", payloadOffset: 0 }],
  [
    "V-48 @setDataFrame onMetaData",
    "data",
    `${SET_DATA_FRAME} ${ON_META_DATA} 08 00000000 000009`,
    { role: "metadata", payloadOffset: 0 },
  ],
  ["@setDataFrame alone", "data", SET_DATA_FRAME, { payloadOffset: 0 }],
  [
    "@setDataFrame of something else",
    "data",
    `${SET_DATA_FRAME} 02000a 6f6e54657874446174ff`,
    { payloadOffset: 0 },
  ],
  [
    "V-40 |RtmpSampleAccess",
    "data",
    "0200117c52746d7053616d706c65416363657373 0101 0101",
    { payloadOffset: 0 },
  ],
  ["four zero bytes of a timecode track", "data", "00000000", { payloadOffset: 0 }],
];
