export async function runProbeCommand(_argv: readonly string[]): Promise<number> {
  return 1;
}
