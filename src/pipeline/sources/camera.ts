/**
 * Which program reads a camera on this machine, and how: asks for what is installed and what it can do, and has the
 * command line made in camera-command.ts. Called by the source before each start, and by whoever checks a plan.
 */

import { existsSync } from "node:fs";
import { TransportError, UsageError } from "../../errors.ts";
import {
  encodeCommand,
  givesH264,
  optionsIn,
  pickEncoder,
  raspividCommand,
  RPICAM_PROGRAMS,
  rpicamCommand,
  v4l2Command,
  v4l2Question,
  type CameraSettings,
} from "./camera-command.ts";
import { findProgram, outputOf } from "./child.ts";

/** A camera. */
export type Camera =
  | { readonly kind: "rpicam"; readonly settings: CameraSettings }
  | { readonly kind: "v4l2"; readonly device: string; readonly settings: CameraSettings };

/** Throws UsageError if this machine has no program for the camera or command. */
export function requireProgram(
  input: Camera | { readonly kind: "exec"; readonly argv: readonly string[] },
): void {
  switch (input.kind) {
    case "exec":
      if (findProgram(input.argv[0]!) === undefined)
        throw new UsageError(`there is no program "${input.argv[0]!}" in the PATH`);
      return;
    case "rpicam":
      if (RPICAM_PROGRAMS.some((name) => findProgram(name) !== undefined)) return;
      throw new UsageError(
        `none of ${RPICAM_PROGRAMS.join(", ")} is in the PATH; on Raspberry Pi OS: apt install rpicam-apps-lite`,
      );
    case "v4l2":
      if (findProgram("v4l2-ctl") !== undefined || findProgram("ffmpeg") !== undefined) return;
      throw new UsageError("neither v4l2-ctl nor ffmpeg is in the PATH; apt install v4l-utils");
    default:
      input satisfies never;
  }
}

/**
 * The command that reads the camera. `onSlow` takes a line for people when a program does not answer what it is asked.
 * Throws TransportError if there is none any more.
 */
export async function cameraCommand(camera: Camera, onSlow: (line: string) => void): Promise<string[]> {
  const { settings } = camera;
  if (camera.kind === "v4l2") return v4l2(camera.device, settings, onSlow);
  const program = RPICAM_PROGRAMS.find((name) => findProgram(name) !== undefined);
  if (program === undefined) throw new TransportError("the camera's program is gone", "closed");
  if (program === "raspivid") return raspividCommand(settings);
  return rpicamCommand(program, settings, optionsIn(await outputOf([program, "--help"], onSlow)));
}

async function v4l2(
  device: string,
  settings: CameraSettings,
  onSlow: (line: string) => void,
): Promise<string[]> {
  if (!existsSync(device)) throw new TransportError(`there is no camera at ${device}`, "closed");
  if (findProgram("v4l2-ctl") !== undefined) {
    const answer = await outputOf(v4l2Question(device), onSlow);
    if (givesH264(answer)) return v4l2Command(device, settings, answer);
  }
  if (findProgram("ffmpeg") === undefined) {
    throw new TransportError(
      `the camera at ${device} gives no H.264, and there is no ffmpeg to make it`,
      "closed",
    );
  }
  const encoders = await outputOf(["ffmpeg", "-hide_banner", "-encoders"], onSlow);
  return encodeCommand(device, settings, pickEncoder(encoders, existsSync));
}
