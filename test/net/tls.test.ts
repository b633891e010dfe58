/** TLS over the loopback with certificates of our own: trusted, not trusted, for another host, and accepted anyhow. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { TransportError } from "../../src/errors.ts";
import { connectTcp, type TlsOptions } from "../../src/net/tcp.ts";
import { listenTcp, type TcpListener } from "../../src/net/tcp-listen.ts";
import { randomBytes } from "../support/mutate.ts";
import { until } from "../support/ports.ts";
import { needs } from "../support/programs.ts";
import { removeScratch } from "../support/scratch.ts";
import { type Authority, makeAuthority } from "../support/tls.ts";

const NEVER = new AbortController().signal;

describe.skipIf(!needs("openssl"))("TLS", () => {
  let authority: Authority;
  let stranger: Authority;
  let listener: TcpListener;
  let ca: string;

  beforeAll(async () => {
    [authority, stranger] = await Promise.all([makeAuthority(), makeAuthority("a stranger")]);
    ca = readFileSync(authority.ca, "utf8");
    const tls = {
      cert: readFileSync(authority.certificate, "utf8"),
      key: readFileSync(authority.key, "utf8"),
    };
    // Sends back what it gets.
    listener = listenTcp({ host: "0.0.0.0", port: 0, tls }, (transport) => ({
      onData: (segment) => transport.send(segment),
      onDrain: () => {},
      onClose: () => {},
    }));
  });

  afterAll(() => {
    listener.close();
    removeScratch();
  });

  async function connect(host: string, tls: TlsOptions) {
    const heard: Uint8Array[] = [];
    const handler = {
      onData: (part: Uint8Array) => void heard.push(new Uint8Array(part)),
      onDrain: () => {},
      onClose: () => {},
    };
    const transport = await connectTcp(
      { host, port: listener.port, tls, bind: undefined, timeout: 5000 },
      handler,
      NEVER,
    );
    return { transport, heard };
  }

  async function failure(host: string, tls: TlsOptions): Promise<TransportError> {
    const error = await connect(host, tls).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TransportError);
    return error as TransportError;
  }

  test.each(["localhost", "127.0.0.1"])(
    "carries bytes to %p, which the authority of --ca vouches for",
    async (host) => {
      const { transport, heard } = await connect(host, { ca, insecure: false });
      const bytes = randomBytes(500_000, 3);
      transport.send(bytes);
      await until(
        "all of it is back",
        () => heard.reduce((sum, part) => sum + part.length, 0) === bytes.length,
      );
      expect(Buffer.concat(heard).equals(bytes)).toBe(true);
      await transport.finish();
    },
  );

  test("refuses a certificate of an authority that nobody knows", async () => {
    const error = await failure("localhost", { ca: undefined, insecure: false });
    expect(error.fault).toBe("tls");
    expect(error.message).toMatch(/certificate of "localhost" is not trusted.*--ca.*--insecure/);
  });

  test("refuses one of another authority than that of --ca", async () => {
    const other = readFileSync(stranger.ca, "utf8");
    expect((await failure("localhost", { ca: other, insecure: false })).fault).toBe("tls");
  });

  test("refuses one for another host", async () => {
    const error = await failure("127.0.0.2", { ca, insecure: false });
    expect(error.fault).toBe("tls");
    expect(error.message).toMatch(/"127\.0\.0\.2"/);
  });

  test.each(["localhost", "127.0.0.2"])("takes any for %p when it is told to", async (host) => {
    const { transport, heard } = await connect(host, { ca: undefined, insecure: true });
    transport.send(Buffer.from("hello"));
    await until("it is back", () => heard.length > 0);
    transport.close();
  });
});
