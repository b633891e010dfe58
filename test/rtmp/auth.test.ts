import { describe, expect, test } from "bun:test";
import { RemoteError } from "../../src/errors.ts";
import { isAuthChallenge, nextAuthQuery } from "../../src/rtmp/auth.ts";
import { parseRtmpUrl } from "../../src/rtmp/url.ts";
import { fromHex, hex } from "../support/bytes.ts";

const ADOBE_NEED = "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ";
const ADOBE_ASK = "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth";
const LLNW_NEED = "[ AccessManager.Reject ] : [ code=403 need auth; authmod=llnw ] : ";
const LLNW_ASK = "[ AccessManager.Reject ] : [ authmod=llnw ] : ?reason=needauth&user=user&nonce=abc123";

const ADOBE_FIRST = "?authmod=adobe&user=user";
const LLNW_FIRST = "?authmod=llnw&user=user";

function answer(
  description: string,
  previous = "",
  random = "deadbeef",
  url = "rtmp://user:pass@h/live/s",
): string {
  return nextAuthQuery({ description, url: parseRtmpUrl(url), previous, random: fromHex(random) });
}

describe("nextAuthQuery", () => {
  test.each([
    ["V-43 the user first", ADOBE_NEED, "", ADOBE_FIRST],
    [
      "V-43 with opaque",
      `${ADOBE_ASK}&user=user&salt=abcdef&challenge=AAAAAA==&opaque=oPaQuE==`,
      ADOBE_FIRST,
      `${ADOBE_FIRST}&challenge=deadbeef&response=n6BOnMbUuYWVC0p2jT9CoA==&opaque=oPaQuE==`,
    ],
    [
      "V-43 without opaque",
      `${ADOBE_ASK}&user=user&salt=abcdef&challenge=AAAAAA==`,
      ADOBE_FIRST,
      `${ADOBE_FIRST}&challenge=deadbeef&response=MoTrC4vzI+I5ov86pqv/UA==`,
    ],
    [
      "a challenge in the form of others, at once and within brackets",
      "[ authmod=adobe :?reason=needauth&user=user&salt=abcdef&challenge=AAAAAA==]",
      "",
      `${ADOBE_FIRST}&challenge=deadbeef&response=MoTrC4vzI+I5ov86pqv/UA==`,
    ],
    ["Limelight: the user first", LLNW_NEED, "", LLNW_FIRST],
  ])("%s", (_, description, previous, query) => {
    expect(isAuthChallenge(description)).toBe(true);
    expect(answer(description, previous)).toBe(query);
  });

  test("V-44 Limelight", () => {
    const begin = `${LLNW_FIRST}&nonce=abc123&cnonce=12345678&nc=00000001`;
    const response = "317aecbb0fbe89b3ee3e68832d203b8c";
    expect(answer(LLNW_ASK, LLNW_FIRST, "12345678")).toBe(`${begin}&response=${response}`);
    // The default instance counts the same when it is written, and a query of the app does not count.
    const written = answer(LLNW_ASK, LLNW_FIRST, "12345678", "rtmp://user:pass@h/live/_definst_/s");
    expect(written).toEndWith(response);
    const withQuery = answer(LLNW_ASK, LLNW_FIRST, "12345678", "rtmp://user:pass@h/live?a=b/c");
    expect(withQuery).toEndWith(response);
  });

  test("goes on behind a query that the app has", () => {
    expect(answer(ADOBE_NEED, "", "deadbeef", "rtmp://user:pass@h/live?a=b/s")).toBe(
      "&authmod=adobe&user=user",
    );
  });

  test("an empty password is a password", () => {
    expect(answer(ADOBE_NEED, "", "deadbeef", "rtmp://user:@h/live/s")).toBe(ADOBE_FIRST);
  });

  test.each([
    ["wrong password", "[ authmod=adobe ] : ?reason=authfailed&opaque=x", ADOBE_FIRST, "(authfailed)"],
    ["wrong user", "[ authmod=adobe ] : ?reason=nosuchuser", ADOBE_FIRST, "(nosuchuser)"],
    ["another reason", "[ authmod=llnw ] : ?reason=expired", LLNW_FIRST, "(expired)"],
    [
      "asked again after the answer",
      `${ADOBE_ASK}&salt=a&challenge=b`,
      `${ADOBE_FIRST}&challenge=x&response=y`,
      "does not accept",
    ],
    ["refused after the answer", ADOBE_NEED, `${ADOBE_FIRST}&challenge=x&response=y`, "does not accept"],
    ["asked for the user again", ADOBE_NEED, ADOBE_FIRST, "again and again"],
    ["another kind of login", "code=403 need auth; authmod=secret", "", "not supported (secret)"],
    ["no kind of login", "code=403 need auth", "", "not supported ()"],
  ])("gives up: %s", (_, description, previous, reason) => {
    const refused = refusalOf(() => answer(description, previous));
    expect(refused.refusal).toBe("auth");
    expect(refused.message).toContain(reason);
    expect(refused.message).not.toContain("pass@");
  });

  test.each([
    ["rtmp://h/live/s", "no user is given"],
    ["rtmp://:x@h/live/s", "no user is given"],
    ["rtmp://user@h/live/s", "no password is given"],
  ])("needs both: %s", (url, reason) => {
    expect(refusalOf(() => answer(ADOBE_NEED, "", "deadbeef", url)).message).toContain(reason);
  });

  test("never tells the password", () => {
    const url = parseRtmpUrl("rtmp://user:hush@h/live/s");
    const descriptions = [
      ADOBE_NEED,
      LLNW_NEED,
      `${ADOBE_ASK}&salt=a`,
      LLNW_ASK,
      "authmod=x",
      "authmod=adobe ?reason=authfailed",
    ];
    for (const description of descriptions) {
      const previous = `${ADOBE_FIRST}&response=x`;
      const refused = refusalOf(() => nextAuthQuery({ description, url, previous, random: hex`00000000` }));
      expect(refused.message).not.toContain("hush");
    }
  });
});

describe("isAuthChallenge", () => {
  test.each([
    ["NetConnection.Connect.Rejected", false],
    ["code=403 access denied", false],
    ["", false],
    ["[ authmod=adobe ] : ?reason=authfailed", true],
  ])("%j: %p", (description, challenge) => {
    expect(isAuthChallenge(description)).toBe(challenge);
  });
});

function refusalOf(run: () => string): RemoteError {
  try {
    run();
  } catch (error) {
    if (error instanceof RemoteError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
