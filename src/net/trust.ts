/**
 * Which certificate authorities are trusted. The system's own are the default; with one of the user's they have
 * to be named as well. node:tls is loaded only then: it costs several MiB of resident memory.
 */

/** The authorities (PEM texts) to trust when `ca` is trusted too; undefined is the system's default. */
export async function trustedRoots(ca: string | undefined): Promise<string[] | undefined> {
  if (ca === undefined) return undefined;
  const { getCACertificates } = await import("node:tls");
  return [...getCACertificates("default"), ca];
}
