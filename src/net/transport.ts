/**
 * The interface between a session and the way its bytes travel. net/tcp.ts implements it over sockets, tests
 * over memory; nothing above knows the difference.
 */

/** A connection that carries bytes in order, with honest back-pressure. */
export interface ByteTransport {
  /** Sends bytes, or keeps a copy of what cannot leave yet; the caller may reuse `bytes` right away. */
  send(bytes: Uint8Array): void;
  /** False while kept bytes wait; the handler's onDrain tells when it is true again. */
  readonly writable: boolean;
  /** Bytes kept because the peer does not take them. */
  readonly bufferedBytes: number;
  /** Bytes that the way to the peer took so far: while some are kept, only this tells whether it is stuck. */
  readonly takenBytes: number;
  /** Those of them that the peer's side has not acknowledged; undefined where the system does not say. */
  unacknowledgedBytes(): Promise<number | undefined>;
  /** Stops and restarts reading; the peer feels it as TCP back-pressure. */
  pause(): void;
  resume(): void;
  /** Sends what is kept, says goodbye, waits a little for the peer to close, and resolves when closed. */
  finish(): Promise<void>;
  /** Closes at once; kept bytes are lost. */
  close(): void;
}

/** What a transport tells its owner. After onClose nothing more comes. */
export type TransportHandler = {
  /** Bytes came. They are the handler's for the call only: whatever has to stay is copied. */
  onData(segment: Uint8Array): void;
  onDrain(): void;
  /** The peer closed, or `error` says what broke. Not called after the owner's own close or finish. */
  onClose(error?: Error): void;
};
