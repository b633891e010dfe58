import { describe, expect, test } from "bun:test";
import { UsageError } from "../../src/errors.ts";
import {
  formatTcUrl,
  overrideRtmpUrl,
  parseRtmpServer,
  parseRtmpUrl,
  parseServedStream,
  redactText,
  redactUrl,
  withKey,
} from "../../src/rtmp/url.ts";
import { mutations } from "../support/mutate.ts";

describe("parseRtmpUrl splits app and name", () => {
  test.each([
    ["live/s", "live", "s"],
    ["a/b/c", "a/b", "c"],
    ["a/b/c/d", "a/b/c", "d"],
    ["live/s?x=1&y=2", "live", "s?x=1&y=2"],
    ["live?tok=1/s", "live?tok=1", "s"],
    ["live2?backup=1/key", "live2?backup=1", "key"],
    ["live/_definst_/s", "live/_definst_", "s"],
    ["live/mp4:dir/f.mp4", "live/mp4:dir", "f.mp4"],
    ["live/f.flv", "live", "f.flv"],
    ["live/a%20b", "live", "a%20b"],
    ["onlyapp", "onlyapp", ""],
    ["live/", "live", ""],
    ["live/s?u=/x", "live", "s?u=/x"],
    ["live/a/b?u=/x/y", "live/a", "b?u=/x/y"],
    ["live-bvc/?streamname=a&b=c/d", "live-bvc", "?streamname=a&b=c/d"],
    ["a//b", "a/", "b"],
    ["/live/s", "/live", "s"],
    ["Live/KEY@x:y#z", "Live", "KEY@x:y#z"],
    ["live?a=1", "live?a=1", ""],
  ])("%s", (path, app, streamName) => {
    const url = parseRtmpUrl(`rtmp://h/${path}`);
    expect([url.app, url.streamName]).toEqual([app, streamName]);
    expect(formatTcUrl(url)).toBe(`rtmp://h/${app}`);
  });

  test("V-91 name with a query", () => {
    const url = parseRtmpUrl("rtmp://ossrs.net/live/show/livestream?token=abc");
    expect(formatTcUrl(url)).toBe("rtmp://ossrs.net/live/show");
    expect(url.streamName).toBe("livestream?token=abc");
  });

  test("V-97 a slash in the query", () => {
    const url = parseRtmpUrl("rtmp://h/rtmp/123?s_bl=1&a=Ab/cd");
    expect([url.app, url.streamName]).toEqual(["rtmp", "123?s_bl=1&a=Ab/cd"]);
  });
});

describe("parseRtmpUrl reads the server", () => {
  test("V-98 credentials and IPv6", () => {
    const url = parseRtmpUrl("rtmp://u:p%40ss@[::1]:1936/a/b");
    expect(url).toEqual({
      scheme: "rtmp",
      tls: false,
      user: "u",
      password: "p@ss",
      host: "::1",
      port: 1936,
      explicitPort: true,
      app: "a",
      streamName: "b",
    });
    expect(formatTcUrl(url)).toBe("rtmp://[::1]:1936/a");
  });

  test.each([
    ["rtmp://h/a/b", "h", 1935, false, "rtmp://h/a"],
    ["rtmps://h/a/b", "h", 443, true, "rtmps://h/a"],
    ["rtmps://h:1936/a/b", "h", 1936, true, "rtmps://h:1936/a"],
    ["RTMP://Host.Example/a/b", "Host.Example", 1935, false, "rtmp://Host.Example/a"],
    ["rtmp://h:1935/a/b", "h", 1935, false, "rtmp://h:1935/a"],
    ["rtmp://h:/a/b", "h", 1935, false, "rtmp://h/a"],
    ["rtmp://[fe80::1%eth0]/a/b", "fe80::1%eth0", 1935, false, "rtmp://[fe80::1%eth0]/a"],
    ["rtmp://cam_1.lan/a/b", "cam_1.lan", 1935, false, "rtmp://cam_1.lan/a"],
    ["rtmp://u:p@h/a/b@c", "h", 1935, false, "rtmp://h/a"],
  ])("%s", (text, host, port, tls, tcUrl) => {
    const url = parseRtmpUrl(text);
    expect([url.host, url.port, url.tls, formatTcUrl(url)]).toEqual([host, port, tls, tcUrl]);
  });

  test.each([
    ["u:p@w!d:x@h", "u", "p@w!d:x"],
    ["u@h", "u", undefined],
    ["u:@h", "u", ""],
    ["a%20b:100%25@h", "a b", "100%"],
    ["u+v:p+q@h", "u+v", "p+q"],
    ["h", undefined, undefined],
  ])("credentials of %s", (authority, user, password) => {
    const url = parseRtmpUrl(`rtmp://${authority}/a/b`);
    expect([url.user, url.password]).toEqual([user, password]);
    expect(url.host).toBe("h");
  });
});

describe("parseRtmpUrl refuses", () => {
  test.each([
    ["http://h/a/b", "http:// is no RTMP address"],
    ["h/a/b", "does not begin with rtmp://"],
    ["", "does not begin with rtmp://"],
    ["rtmp:/h/a/b", "does not begin with rtmp://"],
    ["rtmpe://h/a/b", "encrypted RTMP (RTMPE) is not supported"],
    ["rtmpte://h/a/b", "not supported"],
    ["rtmpt://h/a/b", "tunnelled over HTTP is not supported"],
    ["rtmpts://h/a/b", "tunnelled over HTTPS is not supported"],
    ["rtmp://h", "names no application"],
    ["rtmp://h/", "names no application"],
    ["rtmp://h//name", "names no application"],
    ["rtmp:///a/b", "names no host"],
    ["rtmp://:1935/a/b", "names no host"],
    ["rtmp://u:p@/a/b", "names no host"],
    ["rtmp://::1/a/b", "in brackets"],
    ["rtmp://fe80::1:1935/a/b", "in brackets"],
    ["rtmp://h:0/a/b", "port 0 is not"],
    ["rtmp://h:65536/a/b", "port 65536 is not"],
    ["rtmp://h:x/a/b", "its port is no number; write HOST:PORT"],
    ["rtmp://h:1:99/a/b", "its port is no number; write HOST:PORT"],
    ["rtmp://127.0.0.1:1:99/a/b", "its port is no number; write HOST:PORT"],
    ["rtmp://[::1]:1:99/a/b", "its port is no number; write HOST:PORT"],
    ["rtmp://cafe:1:99/a/b", "its port is no number; write HOST:PORT"],
    ["rtmp://1:2:3:4:5:6:7:8/a/b", "in brackets"],
    ["rtmp://2001:db8::7:1935/a/b", "in brackets"],
    ["rtmp://h?x=1/a", "host or port cannot be read"],
    ["rtmp://[::1/a/b", "host or port cannot be read"],
    ["rtmp://h/a/b c", "space or a control character"],
    ["rtmp://h/a/b\n", "space or a control character"],
    ["rtmp://u:100%@h/a/b", "write %25"],
  ])("%s", (text, reason) => {
    expect(() => parseRtmpUrl(text)).toThrow(UsageError);
    expect(() => parseRtmpUrl(text)).toThrow(reason);
  });

  test.each([
    "rtmpe://user:hush@h/app/hush?hush",
    "http://user:hush@h/app?hush=hush",
    "rtmp://h:99999/app/hush",
    "rtmp://user:hush@h:x/app/a/hush",
    "rtmp://h/app/hush hush",
    "hush",
    "h/app/hush",
    "rtmp:/h/app/hush",
  ])("without telling secrets: %s", (text) => {
    expect(() => parseRtmpUrl(text)).toThrow(/^Cannot use "(?!.*hush).*$/);
  });

  test("damaged text with UsageError only", () => {
    const text = "rtmps://u:p%40ss@[::1]:1936/a/b?c=d/e";
    for (const copy of mutations(new TextEncoder().encode(text), 2000, 7)) {
      try {
        const url = parseRtmpUrl(new TextDecoder("latin1").decode(copy));
        formatTcUrl(url);
        redactUrl(url);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
      }
    }
  });
});

describe("server and key apart", () => {
  test.each([
    ["V-95", "rtmp://h/live2?backup=1", "k", "live2?backup=1"],
    ["V-96", "rtmp://h/live-bvc/", "?streamname=live_1&key=a&schedule=rtmp", "live-bvc"],
    ["a path of two parts", "rtmp://h/a/b", "k/l", "a/b"],
    ["only one slash goes", "rtmp://h/a//", "k", "a/"],
    ["a key is never decoded", "rtmp://h/a", "%41 b\u00e9", "a"],
  ])("%s", (_, server, key, app) => {
    const url = withKey(parseRtmpServer(server), key);
    expect([url.app, url.streamName]).toEqual([app, key]);
    expect(formatTcUrl(url)).toBe(`rtmp://h/${app}`);
  });

  test("a server needs an app too", () => {
    expect(() => parseRtmpServer("rtmp://h/")).toThrow("names no application");
  });
});

describe("overrideRtmpUrl", () => {
  const url = parseRtmpUrl("rtmp://h/a/b/c/d");

  test("an app that begins the path leaves the rest as name", () => {
    const { app, streamName } = overrideRtmpUrl(url, { app: "a/b" });
    expect([app, streamName]).toEqual(["a/b", "c/d"]);
  });

  test("another app leaves the name alone", () => {
    const { app, streamName } = overrideRtmpUrl(url, { app: "x" });
    expect([app, streamName]).toEqual(["x", "d"]);
  });

  test("app and name together are taken as they are", () => {
    const { app, streamName } = overrideRtmpUrl(url, { app: "a", streamName: "n" });
    expect([app, streamName]).toEqual(["a", "n"]);
  });

  test("tcUrl is said as given", () => {
    expect(formatTcUrl(overrideRtmpUrl(url, { tcUrl: "rtmp://other/x" }))).toBe("rtmp://other/x");
  });

  test("an app from outside makes a bare server enough", () => {
    const { app, streamName } = parseRtmpUrl("rtmp://h", { app: "live", streamName: "s" });
    expect([app, streamName]).toEqual(["live", "s"]);
  });
});

describe("redactUrl", () => {
  test.each([
    ["rtmp://h/live/key", "rtmp://h/live/***", "rtmp://h/live/key"],
    ["rtmp://u:p@h:1936/live/key?a=b", "rtmp://h:1936/live/***", "rtmp://h:1936/live/key?***"],
    ["rtmps://[::1]/live2?b=1/key", "rtmps://[::1]/live2?***/***", "rtmps://[::1]/live2?***/key"],
    ["rtmp://h/bvc/?name=key", "rtmp://h/bvc/***", "rtmp://h/bvc/?***"],
    ["rtmp://h/live", "rtmp://h/live", "rtmp://h/live"],
    ["rtmp://h/live2/key/", "rtmp://h/live2/***", "rtmp://h/live2/***"],
  ])("%s", (text, masked, named) => {
    const url = parseRtmpUrl(text);
    expect(redactUrl(url)).toBe(masked);
    expect(redactUrl(url, { showName: true })).toBe(named);
  });

  test.each([
    ["rtmp://u:p@h:1936/live/key?a=b", "rtmp://h:1936/live/***"],
    ["rtmp://h/live?a=b", "rtmp://h/live?***"],
    ["rtmp://h/live/", "rtmp://h/live/"],
    ["rtmp://h", "rtmp://h"],
    ["rtmp://h/live playpath=key", "rtmp://h/live/***"],
    ["rtmp://u:p@h", "rtmp://h"],
    ["key", "***"],
    ["rtmp://u:pa/ss@h/app/key", "rtmp://***"],
    ["rtmp://u:12/ss@h/app/key", "rtmp://***"],
  ])("redactText of %s", (text, masked) => {
    expect(redactText(text)).toBe(masked);
  });
});

describe("parseServedStream", () => {
  test.each([
    ["V-92", "live?vhost=demo&token=abc", "show", "live", "show", "?vhost=demo&token=abc", "demo"],
    ["V-93", "live?key=abc&&vhost=demo.com", "s", "live", "s", "?key=abc&&vhost=demo.com", "demo.com"],
    ["V-94", "live?secret=xxx/livestream", "", "live", "livestream", "?secret=xxx", undefined],
    ["a query behind the name", "live", "s?a=b/c", "live", "s", "?a=b/c", undefined],
    ["queries behind both", "live?a=1", "s?b=2", "live", "s", "?a=1&b=2", undefined],
    ["a name that is only a query", "live", "?streamname=x", "live", "", "?streamname=x", undefined],
    ["the default instance", "live/_definst_", "s", "live", "s", "", undefined],
    ["a slash at the end", "live/", "s", "live", "s", "", undefined],
    ["the name in the app", "live/s", "", "live", "s", "", undefined],
    ["the default instance and no name", "live/_definst_/", "", "live", "", "", undefined],
    ["no name", "live", "", "live", "", "", undefined],
  ])("%s", (_, app, name, servedApp, streamName, query, vhost) => {
    expect(parseServedStream(app, name)).toEqual({ app: servedApp, streamName, query, vhost });
  });

  test("V-92 the tcUrl that goes with it", () => {
    const url = withKey(parseRtmpServer("rtmp://127.0.0.1:19351/live?vhost=demo&token=abc"), "show");
    expect([url.host, url.port]).toEqual(["127.0.0.1", 19351]);
    expect(parseServedStream(url.app, url.streamName)).toMatchObject({ app: "live", vhost: "demo" });
  });
});
