/**
 * Where secrets stand in a text. A long one is hidden wherever it stands. One of a few characters would blank out half
 * of every line, so it is hidden where it is a word of its own; one of a few digits not as a part of 1.5, of 23:59:01
 * or of an address either. Pure.
 */

/** Secrets of this length or more are found within words, too. */
const LONG = 4;

const WORD_BEFORE = /[\p{L}\p{N}_]$/u;
const WORD_BEHIND = /^[\p{L}\p{N}_]/u;
/** What joins digits to more of the same number, time or address. */
const DIGITS_BEFORE = /\d[.:-]$/;
const DIGITS_BEHIND = /^[.:-]\d/;

/** A text with `***` in the place of each secret. */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  return longestFirst(secrets).reduce(maskOne, text);
}

/** Secrets without empty ones, in the order in which none hides half of another. */
export function longestFirst(secrets: readonly string[]): string[] {
  return [...new Set(secrets)].filter((secret) => secret !== "").sort((a, b) => b.length - a.length);
}

/** Where a secret begins in a text: all places that are to be hidden, in order. `secret` is not empty. */
export function placesOf(secret: string, text: string): number[] {
  const places: number[] = [];
  for (let at = text.indexOf(secret); at >= 0;) {
    const hidden = secret.length >= LONG || isApart(secret, text, at);
    if (hidden) places.push(at);
    at = text.indexOf(secret, at + (hidden ? secret.length : 1));
  }
  return places;
}

function maskOne(text: string, secret: string): string {
  let masked = "";
  let from = 0;
  for (const at of placesOf(secret, text)) {
    masked += `${text.slice(from, at)}***`;
    from = at + secret.length;
  }
  return from === 0 ? text : masked + text.slice(from);
}

/** Whether a secret at a place is no part of something longer. */
function isApart(secret: string, text: string, at: number): boolean {
  // Two UTF-16 units are enough for one character.
  const before = text.slice(Math.max(0, at - 2), at);
  const behind = text.slice(at + secret.length, at + secret.length + 2);
  if (WORD_BEFORE.test(before) && WORD_BEHIND.test(secret)) return false;
  if (WORD_BEHIND.test(behind) && WORD_BEFORE.test(secret)) return false;
  return !/^\d+$/.test(secret) || !(DIGITS_BEFORE.test(before) || DIGITS_BEHIND.test(behind));
}
