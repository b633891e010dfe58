/**
 * What to say of a first word that is no command. It may be an address with a key in it, which is not repeated.
 */

import { nearest } from "../recipe/nearest.ts";
import { VERBS } from "./verbs.ts";

const SOURCE = /:\/\/|^(listen|camera|testcard|exec|h264):/i;

/** The sentence for `word`, which is none of VERBS. */
export function unknownCommand(word: string): string {
  const flag = /^--?[\w-]*/.exec(word)?.[0];
  if (flag !== undefined) return `${flag} stands before the command; write runnel COMMAND ${flag}`;
  if (SOURCE.test(word)) {
    return "a command comes first: runnel pull SOURCE records, runnel push and runnel relay SOURCE DEST send on";
  }
  if (/\.ya?ml$/i.test(word)) return `"${word}" is a recipe; write runnel run ${word}`;
  const near = nearest(word, VERBS);
  if (near !== undefined) return `there is no command "${word}" - did you mean ${near}?`;
  return `there is no command${/[/@?]/.test(word) ? " of that name" : ` "${word}"`}; there are ${VERBS.join(", ")}`;
}
