/** Lines of a crontab, run as cron runs them: its shell, its few variables, no input, and at a % what it makes of one. */
import { start, type Child } from "./process.ts";

/** When a line is due: five fields, or one such as @reboot. */
const WHEN = /^\s*(?:@[a-z]+|(?:[-\d*,/]+\s+){4}[-\d*,/]+)\s+/;

/** The command of a line: everything behind the time, up to the first % that has no backslash. crontab(5). */
export function cronCommand(line: string): string {
  const when = WHEN.exec(line);
  if (when === null) throw new Error(`no line of a crontab: ${line}`);
  const command = line.slice(when[0].length);
  return command.split(/(?<!\\)%/)[0]!.replaceAll("\\%", "%");
}

/** Starts a command with what Debian's cron gives it, and these variables beside; `home` is where it begins. */
export function startAsCron(command: string, home: string, also: Record<string, string> = {}): Child {
  const variables = { HOME: home, LOGNAME: "video", PATH: "/usr/bin:/bin", SHELL: "/bin/sh", ...also };
  const env = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  return start(["env", "-i", ...env, "sh", "-c", `exec <&-; ${command}`], { cwd: home, timeout: 60_000 });
}
