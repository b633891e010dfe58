/**
 * SendProgress: the rule that tells a peer who takes nothing from one who is slow, without sockets and clocks. RTMP's own
 * acknowledgements are no help: many peers send none, others send increments for totals or stop at 2^31. TCP's are:
 *
 *     sent = [ acknowledged ][ with the kernels, unacknowledged ][ kept here ]
 *
 * A peer is stuck when for the stall time something was kept here and the kernel took none of it, or something was with
 * the kernels and its side acknowledged none of that. The second is what shows with a small stream, of which the kernel
 * can hold minutes; it has to be asked for, so it is asked only where the first would come much later.
 */

/** Where the bytes of a connection are. `unacknowledged` is undefined if the kernel was not asked, or is silent. */
export type SendState = {
  /** The kernel took them, in all. */
  readonly taken: number;
  readonly kept: number;
  readonly unacknowledged: number | undefined;
};

/** The kernel is asked so often in one stall time. */
const QUESTIONS = 4;
/**
 * Who sends more than this in a stall time fills the kernel's buffers soon after the peer stopped: Linux gives a socket
 * 4 MiB for what is to be sent, unless told otherwise.
 */
const TELLTALE_BYTES = 4 * 1024 * 1024;

/** What one connection's sending comes to; see the head of this file. Times in ms. */
export class SendProgress {
  readonly #stall: number;
  readonly #here = new Movement();
  readonly #there = new Movement();
  #takenBefore = 0;
  #nextQuestion = 0;

  constructor(stall: number) {
    this.#stall = stall;
  }

  /** Whether the next look should know what the kernels hold. */
  wantsKernel({ taken, kept }: Omit<SendState, "unacknowledged">, now: number): boolean {
    if (now < this.#nextQuestion) return false;
    // At the same moments for every connection: they share one answer.
    const pause = this.#stall / QUESTIONS;
    this.#nextQuestion = (Math.floor(now / pause) + 1) * pause;
    const sent = taken - this.#takenBefore;
    this.#takenBefore = taken;
    const worthIt = kept === 0 && sent * QUESTIONS < TELLTALE_BYTES;
    // What moved while nobody asked is not known: the time begins anew.
    if (!worthIt) this.#there.restart();
    return worthIt;
  }

  /** Whether the peer has taken nothing for the stall time. */
  isStuck({ taken, kept, unacknowledged }: SendState, now: number): boolean {
    const idle = this.#here.look(taken, kept, now);
    if (unacknowledged === undefined) return idle >= this.#stall;
    return Math.max(idle, this.#there.look(taken - unacknowledged, unacknowledged, now)) >= this.#stall;
  }
}

/** For how long nothing has gone on although something waited. */
class Movement {
  #gone: number | undefined;
  #at = 0;

  restart(): void {
    this.#gone = undefined;
  }

  look(gone: number, waiting: number, now: number): number {
    // TLS makes what the kernels hold larger than what was sent: only what grows counts.
    if (this.#gone === undefined || waiting === 0 || gone > this.#gone) {
      this.#gone = gone;
      this.#at = now;
    }
    return now - this.#at;
  }
}
