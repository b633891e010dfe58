/**
 * LineOutput: the way of lines to stdout or stderr. What the reader takes is written at once. A reader may have made
 * its pipe non-blocking and then stall: what it does not take is kept, tried again now and then, and at the end for a
 * moment. A job neither waits for it nor asks again and again.
 */

/** Writes bytes to a descriptor; gives how many were taken, and throws EAGAIN when none are for now. */
type Write = (bytes: Uint8Array) => number;

/** How often the reader is asked again, in ms. */
const RETRY_MS = 100;
/** Older lines go when more than this waits, in bytes. */
const MOST_KEPT = 1024 * 1024;
/** At the end: how long a reader is waited for that takes a little, in ms. */
const LONGEST_FINISH_MS = 10_000;
const PAUSE_MS = 10;

/** Writes lines and keeps what cannot leave yet; see the head of this file. */
export class LineOutput {
  readonly #write: Write;
  readonly #patience: number;
  readonly #sleep: (ms: number) => void;
  #kept: Uint8Array[] = [];
  #size = 0;
  /** Part of the first line is written: it has to be written to its end. */
  #begun = false;
  #timer: Timer | undefined;

  /** A reader that takes nothing is waited for `patience` ms at the end; `sleep` holds everything up for some ms. */
  constructor(write: Write, patience: number, sleep: (ms: number) => void = Bun.sleepSync) {
    this.#write = write;
    this.#patience = patience;
    this.#sleep = sleep;
  }

  /** Whether the reader has not taken everything. */
  get stuck(): boolean {
    return this.#kept.length > 0;
  }

  /** Writes text, a whole line, now or later. */
  write(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.#kept.push(bytes);
    this.#size += bytes.length;
    this.flush();
    while (this.#size > MOST_KEPT && this.#kept.length > 2) {
      const [oldest] = this.#kept.splice(this.#begun ? 1 : 0, 1);
      this.#size -= oldest!.length;
    }
  }

  /** Tries what is kept again. */
  flush(): void {
    while (this.#kept.length > 0) {
      const first = this.#kept[0]!;
      try {
        const count = this.#write(first);
        this.#size -= count;
        this.#begun = count < first.length;
        if (this.#begun) this.#kept[0] = first.subarray(count);
        else this.#kept.shift();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EAGAIN") return this.#tryLater();
        // A reader that is gone is nobody's business here.
        this.#kept = [];
        this.#size = 0;
        this.#begun = false;
      }
    }
  }

  /** Nothing more comes: gives the reader a moment for what is kept. */
  finish(): void {
    let [idle, total] = [0, 0];
    while (this.stuck && idle < this.#patience && total < LONGEST_FINISH_MS) {
      const before = this.#size;
      this.flush();
      idle = this.#size < before ? 0 : idle + PAUSE_MS;
      total += PAUSE_MS;
      if (this.stuck) this.#sleep(PAUSE_MS);
    }
    clearTimeout(this.#timer);
  }

  #tryLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.flush();
    }, RETRY_MS);
    // It keeps no program alive that is done: finish() is for that.
    this.#timer.unref();
  }
}
