/** Runs the compiled binary and checks what it leaves behind: exit code, last line, events, no secrets. */
import { expect } from "bun:test";
import { runnelBinary } from "./binary.ts";
import { Child, type Finished, type StartOptions } from "./process.ts";

/** Starts runnel and returns at once. */
export async function startRunnel(args: string[], options?: StartOptions): Promise<Child> {
  return new Child([await runnelBinary(), ...args], options);
}

/** Runs runnel to its end. */
export async function runnel(args: string[], options?: StartOptions): Promise<Finished> {
  return (await startRunnel(args, options)).finished;
}

/** The last line that runnel wrote for people. */
export function lastLine(result: Finished): string {
  return result.stderr.trimEnd().split("\n").at(-1) ?? "";
}

/** Expects an exit code, and shows what the program said when it is another one. */
export function expectExit(result: Finished, ...codes: number[]): void {
  if (result.code !== null && codes.includes(result.code)) return;
  throw new Error(
    `expected exit code ${codes.join(" or ")}, got ${result.code ?? result.signal}; it said:\n${result.stderr.slice(-3_000)}`,
  );
}

/** Expects that the program said in words how it ended: a last line that is neither empty nor a stack trace. */
export function expectLastLine(result: Finished, ...patterns: RegExp[]): void {
  const line = lastLine(result);
  expect(line).toMatch(/[a-z]{3}/);
  expect(result.stderr).not.toMatch(/^\s+at .+:\d+:\d+\)?$/m);
  for (const pattern of patterns) expect(line).toMatch(pattern);
}

/** Expects that none of the secrets stands in what the program wrote. */
export function expectNoSecret(result: Finished, ...secrets: string[]): void {
  const text = Buffer.from(result.stdout).toString("latin1") + result.stderr;
  for (const secret of secrets) expect(text.includes(secret) ? `the secret stands in: ${text}` : "").toBe("");
}

/** The events of `--json`; every line of stdout must be one. */
export function events(result: Finished): Record<string, unknown>[] {
  const lines = Buffer.from(result.stdout).toString().trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}
