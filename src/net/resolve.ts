/**
 * Host names to addresses, asked anew at every attempt, so that a changed or late DNS entry is seen.
 */

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { TransportError } from "../errors.ts";

/** All addresses of a host, in the resolver's order. Throws TransportError "name". */
export async function resolveHost(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    const found = await lookup(host, { all: true, verbatim: true });
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

/** The operating system's code of an error, "" if it has none. */
export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
