/**
 * Host names to addresses, asked anew at every attempt, so that a changed or late DNS entry is seen. node:dns and
 * node:net would do the same for several MiB of resident memory.
 */

import { TransportError } from "../errors.ts";

/** All addresses of a host, in the resolver's order. Throws TransportError "name". */
export async function resolveHost(host: string): Promise<string[]> {
  if (isAddress(host)) return [host];
  try {
    // The system's own resolver, for it alone knows what nsswitch.conf says (mDNS names such as camera.local).
    const found = await Bun.dns.lookup(host, { backend: "libc" });
    const addresses = [...new Set(found.map((entry) => entry.address))];
    // RFC 6761: localhost is the loopback, of both families, whatever the resolver lists.
    if (host === "localhost" && !addresses.includes("::1")) addresses.push("::1");
    return addresses;
  } catch (cause) {
    const temporary = errorCode(cause) === "EAI_AGAIN";
    const why = temporary ? "the name server does not answer" : "no such host name";
    throw new TransportError(`cannot resolve "${host}": ${why}`, "name", { cause });
  }
}

/** Whether this is an address already; only IPv6 has colons. */
function isAddress(host: string): boolean {
  return host.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}

/** The operating system's code of an error, "" if it has none. */
export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
