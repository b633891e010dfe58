/**
 * How hosts are written where a port, or the rest of an address, follows. Pure.
 */

/** A host as it stands before a port: IPv6 addresses in brackets, everything else as it is. */
export function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** `host:port`. */
export function formatHostPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${bracketed(host)}:${port}`;
}
