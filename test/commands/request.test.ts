/** From arguments to a request: keys from variables and files, certificates, and what is said when they are not there. */
import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readCertificate } from "../../src/commands/request.ts";
import { UsageError } from "../../src/errors.ts";
import { planOf, problemsOf } from "../support/command-line.ts";
import { removeScratch, scratch } from "../support/scratch.ts";

afterAll(removeScratch);

function file(name: string, text: string): string {
  const path = join(scratch("request"), name);
  writeFileSync(path, text);
  return path;
}

const keyOf = (argument: string, environment = {}): unknown => {
  const [sink] = planOf(`push s.flv rtmp://d/app -k '${argument}'`, environment).sinks;
  return sink?.kind === "rtmp" ? sink.url.streamName : undefined;
};

describe("a key", () => {
  test("stands as it is written", () => {
    for (const key of ["abc=def", "abc==", "abc=", "abc=env", "a?b=env:c", "=env:c"])
      expect(keyOf(key)).toBe(key);
  });

  test("comes from a variable", () => {
    expect(keyOf("env:THE_KEY", { THE_KEY: "secret=1" })).toBe("secret=1");
  });

  test("comes from a file, without the line's end", () => {
    expect(keyOf(`@${file("key", "secret\n")}`)).toBe("secret");
  });

  test("of a name comes from either too", () => {
    const line = `push s.flv -t a=rtmp://d/x -t b=rtmp://d/y -k a=env:A -k b=@${file("key", "B")}`;
    expect(planOf(line, { A: "A" }).sinks).toMatchObject([
      { url: { streamName: "A" } },
      { url: { streamName: "B" } },
    ]);
  });

  test("is a secret of the plan wherever it comes from", () => {
    expect(planOf("push s.flv rtmp://d/app -k env:K", { K: "SECRET" }).secrets).toContain("SECRET");
  });

  test.each([
    ["env:NOT_SET", "-k: the variable NOT_SET is not set"],
    ["env:EMPTY", "-k: the variable EMPTY is not set"],
    ["@/nowhere/key", '-k: cannot read "/nowhere/key": there is no such file'],
  ])("%p", (argument, problem) => {
    expect(problemsOf(`push s.flv rtmp://d/app -k ${argument}`, { EMPTY: "" })).toEqual([problem]);
  });

  test("is no variable's name: what the variable holds was meant", () => {
    expect(problemsOf("push s.flv rtmp://d/app -k my_key", { my_key: "SECRET" })).toEqual([
      "-k: my_key is a variable; write -k env:my_key for what it holds",
    ]);
    expect(keyOf("my_key")).toBe("my_key");
  });

  test("in an empty file is none", () => {
    const path = file("key", " \n");
    expect(problemsOf(`push s.flv rtmp://d/app -k @${path}`)).toEqual([`-k: "${path}" is empty`]);
  });
});

describe("PEM files", () => {
  const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";
  const KEY = "-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----\n";

  test("of --ca, --cert and --cert-key are read", () => {
    const [ca, cert, key] = [file("ca", CERTIFICATE), file("cert", CERTIFICATE), file("key", KEY)];
    const plan = planOf(`pull listen:1935/live --ca ${ca} --cert ${cert} --cert-key ${key}`);
    expect(plan.net.ca).toBe(CERTIFICATE);
    expect(plan.listen).toMatchObject({
      name: "rtmps://127.0.0.1:1935/live",
      tls: { cert: CERTIFICATE, key: KEY },
    });
  });

  test.each([
    ["--ca", "CERTIFICATE", "certificate"],
    ["--cert", "CERTIFICATE", "certificate"],
    ["--cert-key", "PRIVATE KEY", "private key"],
  ])("%s that hold something else are refused", (flag, _what, name) => {
    const path = file("other", "hello");
    expect(problemsOf(`pull listen:1935/live ${flag} ${path}`)[0]).toBe(
      `${flag}: "${path}" holds no PEM ${name}`,
    );
  });

  test("that are not there are said so", () => {
    expect(() => readCertificate("/nowhere/ca.pem")).toThrow(UsageError);
    expect(() => readCertificate("/nowhere/ca.pem")).toThrow(
      '--ca: cannot read "/nowhere/ca.pem": there is no such file',
    );
  });

  test("that were not named are none", () => {
    expect(readCertificate(undefined)).toBeUndefined();
  });

  test("a certificate needs its key and the other way round", () => {
    const [cert, key] = [file("cert", CERTIFICATE), file("key", KEY)];
    for (const flag of [`--cert ${cert}`, `--cert-key ${key}`]) {
      expect(problemsOf(`pull listen:1935/live ${flag}`)).toEqual(["--cert and --cert-key go together"]);
    }
  });
});
