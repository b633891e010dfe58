/** Names to addresses. Only names that no network is asked for. */
import { describe, expect, test } from "bun:test";
import { TransportError } from "../../src/errors.ts";
import { errorCode, resolveHost } from "../../src/net/resolve.ts";

describe("resolveHost", () => {
  test.each(["127.0.0.1", "10.1.2.3", "::1", "2001:db8::1"])("%p is an address already", async (host) => {
    expect(await resolveHost(host)).toEqual([host]);
  });

  test("localhost is the loopback of both families, each once", async () => {
    const addresses = await resolveHost("localhost");
    expect(addresses).toContain("127.0.0.1");
    expect(addresses).toContain("::1");
    expect(new Set(addresses).size).toBe(addresses.length);
  });

  test.each(["name.invalid", "", "no such host"])("%p is no host", async (host) => {
    const error = await resolveHost(host).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ fault: "name" });
    expect((error as Error).message).toStartWith(`cannot resolve "${host}": `);
  });
});

test.each<[string, unknown, string]>([
  ["an error of the system", Object.assign(new Error("x"), { code: "EPIPE" }), "EPIPE"],
  ["a code that is a number", { code: 5 }, ""],
  ["an error without a code", new Error("x"), ""],
  ["null", null, ""],
  ["nothing", undefined, ""],
  ["a text", "text", ""],
])("the code of %s", (_name, error, code) => {
  expect(errorCode(error)).toBe(code);
});
