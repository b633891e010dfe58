/**
 * The numbers of RTMP 1.0 and the limits that runnel sets itself. Field names are the specification's.
 */

/** Message type ids. RTMP 1.0 §5.4, §7.1; the AMF3 forms are only ever read. */
export const MessageType = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAcknowledgementSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  sharedObjectAmf3: 16,
  commandAmf3: 17,
  dataAmf0: 18,
  sharedObjectAmf0: 19,
  commandAmf0: 20,
  aggregate: 22,
} as const;

/** User control events. RTMP 1.0 §7.1.7; 26 to 32 are Flash Media Server's own. */
export const UserControl = {
  streamBegin: 0,
  streamEof: 1,
  streamDry: 2,
  setBufferLength: 3,
  streamIsRecorded: 4,
  pingRequest: 6,
  pingResponse: 7,
  bufferEmpty: 31,
  bufferReady: 32,
} as const;

/**
 * The chunk stream ids that runnel writes. nginx-rtmp closes at 32 and above, MediaMTX at 64 and above; a
 * csid says nothing about the content, so any division below that is as good as another.
 */
export const ChunkStreamId = { control: 2, command: 3, data: 4, audio: 4, video: 6 } as const;

/** The chunk size of both directions until someone changes it. RTMP 1.0 §5.4.1. */
export const DEFAULT_CHUNK_SIZE = 128;

/** What runnel announces: no server objects to it, and most messages fit into one chunk. */
export const OUTGOING_CHUNK_SIZE = 65536;

/** A chunk never holds more than a message, whose length has 24 bits: larger announcements equal this one. */
export const MAX_CHUNK_SIZE = 0xffffff;

/** The Window Acknowledgement Size that runnel announces, in bytes. */
export const WINDOW_ACKNOWLEDGEMENT_SIZE = 2_500_000;

/** What a peer can make a chunk reader hold; checked before memory is taken. */
export type ReaderLimits = {
  /** Largest message, in bytes. */
  readonly messageSize: number;
  /** Chunk streams with state. */
  readonly chunkStreams: number;
  /** All unfinished messages together, in bytes. */
  readonly unfinishedBytes: number;
};

/** Before publish or play is asked for: nothing large has a reason to come. */
export const EARLY_LIMITS: ReaderLimits = { messageSize: 65536, chunkStreams: 16, unfinishedBytes: 262_144 };

/** Once media may come, asked for or announced, though the answer may be outstanding. The length field ends at 16 MiB - 1. */
export const MEDIA_LIMITS: ReaderLimits = {
  messageSize: 0xffffff,
  chunkStreams: 64,
  unfinishedBytes: 32 * 1024 * 1024,
};
