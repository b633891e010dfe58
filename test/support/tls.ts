/** A private certificate authority and stunnel as the TLS front of a server: RTMPS without leaving the machine. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, untilListening } from "./ports.ts";
import { type Child, runWell, start } from "./process.ts";
import { scratch } from "./scratch.ts";

/** PEM files: the authority's certificate, and the server's that it signed. */
export type Authority = { ca: string; certificate: string; key: string };

const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Makes an authority and a certificate for 127.0.0.1 and localhost. */
export async function makeAuthority(name = "runnel test authority"): Promise<Authority> {
  const dir = scratch("tls");
  const file = (leaf: string) => join(dir, leaf);
  const openssl = (...args: string[]) => runWell(["openssl", ...args]);
  await openssl(
    ...["req", "-x509", ...CURVE, "-days", "2", "-subj", `/CN=${name}`],
    ...["-keyout", file("ca.key"), "-out", file("ca.pem")],
  );
  const request = [
    ...CURVE,
    "-subj",
    "/CN=localhost",
    "-keyout",
    file("server.key"),
    "-out",
    file("server.csr"),
  ];
  await openssl("req", "-new", ...request);
  writeFileSync(file("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
  await openssl(
    ...["x509", "-req", "-in", file("server.csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key")],
    ...["-CAcreateserial", "-days", "2", "-extfile", file("names"), "-out", file("server.pem")],
  );
  return { ca: file("ca.pem"), certificate: file("server.pem"), key: file("server.key") };
}

/** Puts TLS in front of the server at `port`; returns the TLS port. */
export async function startStunnel(
  port: number,
  authority: Authority,
): Promise<{ port: number; process: Child }> {
  const accept = await freePort();
  const config = join(scratch("stunnel"), "stunnel.conf");
  writeFileSync(
    config,
    `foreground = yes
pid =
syslog = no
[rtmps]
accept = 127.0.0.1:${accept}
connect = 127.0.0.1:${port}
cert = ${authority.certificate}
key = ${authority.key}
`,
  );
  const child = start(["stunnel4", config], { timeout: 180_000 });
  await untilListening(accept);
  return { port: accept, process: child };
}
