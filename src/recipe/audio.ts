/**
 * What `audio` and --audio ask for: silence where there is no sound, or sound from a command beside the pictures. Texts
 * in, a choice out, and a source that has it; what cannot be is a UsageError. Flags and recipes
 * have their sound from here.
 */

import { UsageError } from "../errors.ts";
import { splitCommand } from "./capture.ts";
import type { SourcePlan } from "./plan.ts";

/** Silence, or the words of a command. */
export type AudioChoice = "silent" | { readonly argv: readonly string[] };

/** What to write. */
export const AUDIO_EXAMPLES = 'silent, or "exec:COMMAND"';

/** `audio` as a recipe has it. */
export type AudioRecipe = string | { readonly exec: string | readonly string[] };

/** What --audio and --silent-audio ask for. Throws UsageError. */
export function audioOfFlags(flags: {
  readonly audio: string | undefined;
  readonly silentAudio: boolean;
}): AudioChoice | undefined {
  const { audio, silentAudio } = flags;
  const choice = audio === undefined ? undefined : parseAudio(audio, { flag: "--audio", what: "this" });
  if (!silentAudio || choice === "silent") return silentAudio ? "silent" : choice;
  if (choice !== undefined)
    throw new UsageError({
      what: [{ flag: "--audio" }, " and ", { flag: "--silent-audio" }, " are two sounds"],
      instead: "keep one of them",
    });
  return "silent";
}

/** What a text is called where it is wrong. */
type About = { readonly flag?: string; readonly what: string };

/** Reads either form; `about` is what it is called where it is wrong. Throws UsageError. */
export function parseAudio(given: AudioRecipe, about: About = { what: '"audio"' }): AudioChoice {
  if (typeof given === "object") {
    const { exec } = given;
    return typeof exec === "string" ? commandOf(exec) : { argv: exec };
  }
  const text = given.trim();
  if (text === "silent") return "silent";
  const [, command] = /^exec:(.*)$/is.exec(text) ?? [];
  // A command that was meant may hold passwords: it is not repeated.
  if (command === undefined)
    throw new UsageError({
      ...about,
      what: `${about.what} is neither silent nor exec:`,
      instead: `write ${AUDIO_EXAMPLES}`,
    });
  return commandOf(command);
}

function commandOf(text: string): AudioChoice {
  const argv = splitCommand(text);
  if (argv.length === 0)
    throw new UsageError({
      what: '"exec:" needs a command behind it',
      instead: 'write "exec:my-microphone"',
    });
  return { argv };
}

/** The source with this sound. Throws UsageError if it cannot have it. */
export function withAudio(source: SourcePlan, choice: AudioChoice | undefined): SourcePlan {
  if (choice === undefined || choice === "silent") return source;
  if (source.kind !== "capture" || source.format === "flv") {
    throw new UsageError({
      what: "a command's sound goes with pictures that have none: a camera, or raw video",
      instead: "leave it out",
    });
  }
  if (source.clock.kind !== "arrival") {
    throw new UsageError({
      what: "live sound goes with pictures that are timed by arrival",
      instead: "leave it out, or set clock to arrival",
    });
  }
  return { ...source, audio: choice };
}

/** A command's sound in words, without what may be secret. */
export function audioInWords(source: SourcePlan): string | undefined {
  const argv = source.kind === "capture" ? source.audio?.argv : undefined;
  return argv === undefined ? undefined : `exec:${argv[0]!}`;
}
