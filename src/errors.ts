/**
 * The error classes of runnel. Each says who is at fault, so that the layer that owns a session can choose
 * between giving up, trying again and changing the exit code. Any other Error is a bug of ours.
 */

/**
 * A part of a problem's sentence: words, a flag (`--for`, `-k`, or the variable that gave it), or an address, which is
 * shown in quotation marks and has nothing in it that may be a secret.
 */
export type Words = string | { readonly flag: string } | { readonly address: string };

/**
 * One thing that is wrong with what was asked for. Names and texts that people gave stand in it as they are, so nobody
 * may look for flags or punctuation in it: what there is to know stands apart.
 */
export type UsageProblem = {
  /** The flag that it is about, said in front: `--for`, `-k`, or the variable that gave it. */
  readonly flag?: string;
  /** The text that it is about, said in front in quotation marks. */
  readonly value?: string;
  readonly what: string | readonly Words[];
  readonly instead?: string;
};

/** What is wrong, without the flag and the advice. */
export function whatIsWrong({ value, what }: UsageProblem): string {
  const text = typeof what === "string" ? what : what.map(inWords).join("");
  return value === undefined ? text : `"${value}" ${text}`;
}

function inWords(words: Words): string {
  if (typeof words === "string") return words;
  return "flag" in words ? words.flag : `"${words.address}"`;
}

/** A problem as a line: `--for: "2" has no unit; write 2s for seconds`. */
export function problemLine(problem: UsageProblem): string {
  const { flag, instead } = problem;
  const said = flag === undefined ? whatIsWrong(problem) : `${flag}: ${whatIsWrong(problem)}`;
  return instead === undefined ? said : `${said}; ${instead}`;
}

/** A flag, a recipe or a combination of them that cannot be carried out; every problem at once. Exit code 2. */
export class UsageError extends Error {
  readonly problems: readonly UsageProblem[];
  constructor(problems: string | UsageProblem | readonly (string | UsageProblem)[]) {
    const list = Array.isArray(problems) ? (problems as readonly (string | UsageProblem)[]) : [problems];
    const all = list.map((one) => (typeof one === "string" ? { what: one } : (one as UsageProblem)));
    super(all.map(problemLine).join("\n"));
    this.name = "UsageError";
    this.problems = all;
  }
}

/** What `read` returns, in a list; nothing if it throws UsageError, whose problems are added to `problems`. */
export function collect<T>(problems: UsageProblem[], read: () => T): T[] {
  try {
    return [read()];
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    problems.push(...error.problems);
    return [];
  }
}

/** Where in a peer's bytes a rule was broken. */
export type ProtocolPlace = {
  layer: "handshake" | "chunk" | "message" | "amf" | "command";
  csid?: number;
  offset?: number;
};

/** The peer broke the rules of RTMP. */
export class ProtocolError extends Error {
  readonly place: ProtocolPlace;
  constructor(message: string, place: ProtocolPlace, options?: ErrorOptions) {
    super(message, options);
    this.name = "ProtocolError";
    this.place = place;
  }
}

/**
 * What kind of "no" a peer said: credentials or permission, the stream name (busy, or a bad key), the
 * application, a stream that is not there (yet), or trouble of the server's own. Only the last two are worth
 * asking again soon.
 */
export type Refusal = "auth" | "name" | "app" | "not-live" | "failed";

/** The code of a RemoteError when a peer said yes and hung up at once. */
export const TAKEN_BACK = "taken-back";

/** The peer said no in so many words; `code` is its own, such as NetStream.Publish.BadName. */
export class RemoteError extends Error {
  readonly code: string;
  readonly refusal: Refusal;
  constructor(message: string, detail: { code: string; refusal: Refusal }, options?: ErrorOptions) {
    super(message, options);
    this.name = "RemoteError";
    this.code = detail.code;
    this.refusal = detail.refusal;
  }
}

/** How the way to a peer failed; `local`: an address of our own cannot be had. */
export type TransportFault =
  "name" | "refused" | "unreachable" | "reset" | "closed" | "timeout" | "stalled" | "tls" | "http" | "local";

/** The way to the peer failed: name resolution, connecting, TLS, a lost or silent connection. */
export class TransportError extends Error {
  readonly fault: TransportFault;
  constructor(message: string, fault: TransportFault, options?: ErrorOptions) {
    super(message, options);
    this.name = "TransportError";
    this.fault = fault;
  }
}

/** A bitstream or a container that cannot be read; `offset` counts bytes from its start. */
export class MediaError extends Error {
  readonly offset: number | undefined;
  constructor(message: string, offset?: number, options?: ErrorOptions) {
    super(message, options);
    this.name = "MediaError";
    this.offset = offset;
  }
}

/** A file that cannot be opened, written or renamed; `code` is the operating system's, such as ENOSPC. */
export class DiskError extends Error {
  readonly path: string;
  readonly code: string;
  /** Time may heal it: a disk that is full, or one that worked before. */
  readonly passing: boolean;
  constructor(
    message: string,
    detail: { path: string; code: string; passing?: boolean },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "DiskError";
    this.path = detail.path;
    this.code = detail.code;
    this.passing = detail.passing ?? false;
  }
}

/** The operating system's name of an error, such as ENOSPC; nothing if it has none. */
export function codeOf(error: unknown): string {
  return (error as { code?: string } | null)?.code ?? "";
}

const FILE_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "a part of its path is no folder",
  EISDIR: "it is a folder",
  ELOOP: "its links go round in a circle",
  ENAMETOOLONG: "its name is too long",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EIO: "the disk has an error",
  EPIPE: "the reader closed the pipe",
};

/** What the operating system says of a file, in words; `special` has those of one kind of work. */
export function fileFault(error: unknown, special: Readonly<Record<string, string>> = {}): string {
  const code = codeOf(error);
  const { message = String(error) } = error as { message?: string };
  return special[code] ?? FILE_FAULTS[code] ?? message;
}

/** One sentence for people: our own errors as they are, anything else marked as a bug of ours. */
export function describe(error: unknown): string {
  if (isOurs(error)) return error.message;
  if (error instanceof Error) return `Internal: ${error.message}`;
  return `Internal: ${String(error)}`;
}

/** Whether this is one of the classes above, as against a bug. */
export function isOurs(error: unknown): error is Error {
  return (
    error instanceof UsageError ||
    error instanceof ProtocolError ||
    error instanceof RemoteError ||
    error instanceof TransportError ||
    error instanceof MediaError ||
    error instanceof DiskError
  );
}

/** The same error with what was being done in front: `Cannot play "rtmp://...": connection refused`. */
export function withContext(error: unknown, context: string): unknown {
  const options = { cause: error };
  if (error instanceof ProtocolError) {
    return new ProtocolError(`${context}: ${error.message}`, error.place, options);
  }
  if (error instanceof RemoteError) return new RemoteError(`${context}: ${error.message}`, error, options);
  if (error instanceof TransportError) {
    return new TransportError(`${context}: ${error.message}`, error.fault, options);
  }
  if (error instanceof MediaError)
    return new MediaError(`${context}: ${error.message}`, error.offset, options);
  return error;
}
