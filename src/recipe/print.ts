/**
 * A command line as a recipe: YAML that does the same. Secrets do not go into it: where a key came from a variable or a
 * file it is named, and where it was typed a variable takes its place, with a line that says so.
 */

import { Document, isMap, isScalar, visit, type Node as YamlNode, type Pair } from "yaml";
import { bracketed, formatHostPort } from "../host-text.ts";
import type { NamedOptions } from "../rtmp/librtmp.ts";
import type { RtmpUrl } from "../rtmp/url.ts";
import { CAPTURE_KEYS } from "./recipe-capture.ts";
import type { DestinationPlan, Plan, SinkPlan } from "./plan.ts";

/** What of a command line is not in its plan: values as they were typed. */
export type TypedJob = {
  readonly source: string;
  readonly named: NamedOptions;
  /** How each -k was written, by the name of what it is for; "" where it had none. */
  readonly keys: ReadonlyMap<string, string>;
  /** Values of flags that stand in a recipe as they stand on a command line. */
  readonly flag: (name: string) => string | undefined;
};

/** What goes into the recipe; undefined keys are left out. */
type Tree = { readonly [key: string]: Tree | string | boolean | readonly string[] | undefined };

/** The recipe as text. */
export function printRecipe(plan: Plan, typed: TypedJob): string {
  const secrets = new Placeholders(plan.job);
  const job: Tree = {
    from: fromTree(plan, typed, secrets),
    for: typed.flag("for") ?? seconds(typed.flag("stop")),
    until: typed.flag("until"),
    grace: typed.flag("grace"),
    retry: { min: typed.flag("retry-min"), max: typed.flag("retry-max") },
    record: recordTree(plan, typed),
    to: Object.fromEntries(
      plan.sinks.flatMap((sink) =>
        sink.kind === "rtmp" ? [[safeName(sink.name), toTree(sink, plan, { typed, secrets })]] : [],
      ),
    ),
    serve: serveTree(plan, typed),
    ca: typed.flag("ca"),
    insecure: plan.net.insecure || undefined,
    bind: plan.net.bind,
    audio: plan.silentAudio === true ? "silent" : audioText(typed, secrets),
  };
  const document = new Document(withoutEmpty({ jobs: { [safeName(plan.job)]: job } }));
  document.set("version", 1);
  if (isMap(document.contents)) document.contents.items.reverse();
  visit(document, { Pair: (_, pair) => flow(pair as Pair<YamlNode, YamlNode>) });
  const head = secrets.notes.map((note) => `# ${note}\n`).join("");
  return `${head}${document.toString({ lineWidth: 0 })}`;
}

/** Short maps stand in one line. */
function flow(pair: Pair<YamlNode, YamlNode>): void {
  const { key, value } = pair;
  const name = isScalar(key) ? key.value : "";
  if (isMap(value) && typeof name === "string" && ["retry", "segment", "keep"].includes(name))
    value.flow = true;
}

function withoutEmpty(tree: Tree): Tree {
  const entries = Object.entries(tree).flatMap(([key, value]): [string, Tree[string]][] => {
    if (value === undefined) return [];
    if (typeof value !== "object" || Array.isArray(value)) return [[key, value]];
    const inner = withoutEmpty(value as Tree);
    return Object.keys(inner).length === 0 ? [] : [[key, inner]];
  });
  return Object.fromEntries(entries);
}

/** A name that a recipe takes, made of one that an address had. */
function safeName(text: string): string {
  return text.replace(/[^\p{L}\p{N}._-]+/gu, "_").replace(/^[^\p{L}\p{N}]+/u, "") || "it";
}

function seconds(text: string | undefined): string | undefined {
  return text === undefined ? undefined : `${text}s`;
}

/** A text that means itself: a dollar sign begins a variable otherwise. */
function plain(text: string): string {
  return text.replaceAll("$", "$$$$");
}

function fromTree(plan: Plan, typed: TypedJob, secrets: Placeholders): Tree {
  const { source, listen } = plan;
  const common: Tree = {
    wait: typed.flag("wait"),
    follow: plan.follow || undefined,
    stall: typed.flag("stall") ?? seconds(typed.flag("timeout")),
    ...Object.fromEntries(CAPTURE_KEYS.map((key) => [key, typed.flag(key)])),
    loop: plan.loop || undefined,
    realtime: plan.realtime ? undefined : false,
  };
  if (source.kind === "listen" && listen !== undefined) {
    return {
      listen: formatHostPort(listen),
      app: listen.app,
      key: listen.key === undefined ? undefined : secrets.key(typed.keys.get("source"), "SOURCE"),
      "no-key": typed.flag("no-key") === undefined ? undefined : true,
      cert: typed.flag("cert"),
      "cert-key": typed.flag("cert-key"),
      ...common,
    };
  }
  const { conn, live, ...texts } = typed.named;
  const named = Object.entries(texts).map(([name, text]) => [
    name,
    text && secrets.address(text, `SOURCE_${name}`),
  ]);
  const items = typeof conn === "string" ? [conn] : conn;
  return {
    url: secrets.address(typed.source, "SOURCE"),
    ...Object.fromEntries(named),
    conn: items?.map(plain),
    live,
    ...common,
  };
}

/** A command may have passwords among its words. */
function audioText(typed: TypedJob, secrets: Placeholders): string | undefined {
  const text = typed.flag("audio");
  return text === undefined ? undefined : secrets.address(text, "AUDIO");
}

function recordTree(plan: Plan, typed: TypedJob): Tree {
  const paths = plan.sinks.flatMap((sink) =>
    isRecording(sink) ? [sink.kind === "file" ? plain(sink.template) : "-"] : [],
  );
  return {
    path: paths.length > 1 ? paths : paths[0],
    segment: { every: typed.flag("segment"), align: typed.flag("align") },
    join: typed.flag("join"),
    keep: { age: typed.flag("keep-age"), size: typed.flag("keep-size"), free: typed.flag("keep-free") },
    force: plan.force || undefined,
  };
}

function isRecording(sink: SinkPlan): boolean {
  return sink.kind === "file" || sink.kind === "stdout";
}

function toTree(
  sink: DestinationPlan,
  plan: Plan,
  { typed, secrets }: { typed: TypedJob; secrets: Placeholders },
): Tree {
  const only = plan.sinks.filter((one) => one.kind === "rtmp").length === 1;
  const written = typed.keys.get(sink.name) ?? (only ? typed.keys.get("") : undefined);
  const name = only ? "STREAM" : sink.name;
  return { url: secrets.server(sink.url, name), key: secrets.key(written, name) };
}

function serveTree({ source, listen }: Plan, typed: TypedJob): Tree | string | boolean | undefined {
  if (listen?.playName === undefined) return undefined;
  if (source.kind === "listen") return true;
  const at = `${formatHostPort(listen)}/${listen.app}/${listen.playName}`;
  return listen.tls === undefined ? at : { at, cert: typed.flag("cert"), "cert-key": typed.flag("cert-key") };
}

/** Secrets that became variables, and what is to be said of each. */
class Placeholders {
  readonly notes: string[] = [];

  constructor(job: string) {
    this.notes.push(`what the command line says of "${job}"`);
  }

  /** A stream key as it was written behind -k; one that was typed becomes a variable. */
  key(written: string | undefined, name: string): string {
    if (written?.startsWith("env:")) return `\${${written.slice(4)}}`;
    if (written?.startsWith("@")) return `\${file:${written.slice(1)}}`;
    return this.#variable(`${name}_KEY`, "the key that was typed");
  }

  /** An address, or a part of one, without its userinfo and its query. */
  address(text: string, name: string): string {
    // A command may have passwords among its words.
    if (/^exec:/i.test(text)) return this.#variable(name, "exec: and the command that was typed");
    // librtmp's options behind an address may hold anything.
    if (/^rtmp\w*:\S+\s/i.test(text))
      return this.#variable(name, "the address that was typed, with its options");
    const parts = /^([a-z][a-z0-9+.-]*:\/\/)?(?:([^/?]*)@)?([^?]*)(?:\?(.*))?$/is.exec(text);
    if (parts === null) return this.#variable(name, "what was typed");
    const [, scheme = "", userinfo, rest = "", query] = parts;
    const user =
      userinfo === undefined ? "" : `${this.#variable(`${name}_LOGIN`, "user:password as typed")}@`;
    const asked =
      query === undefined ? "" : `?${this.#variable(`${name}_QUERY`, "what was typed behind the ?")}`;
    return `${scheme}${user}${plain(rest)}${asked}`;
  }

  /** The server of a destination, whose key stands apart. */
  server(url: RtmpUrl, name: string): string {
    const host = bracketed(url.host);
    const user =
      url.user === undefined ? "" : `${this.#variable(`${name}_LOGIN`, "user:password as typed")}@`;
    const [app = "", query] = url.app.split(/\?(.*)/s);
    const asked =
      query === undefined ? "" : `?${this.#variable(`${name}_QUERY`, "what was typed behind the ?")}`;
    return `${url.scheme}://${user}${host}${url.explicitPort ? `:${url.port}` : ""}/${plain(app)}${asked}`;
  }

  #variable(name: string, holds: string): string {
    const variable = name
      .toUpperCase()
      .replace(/[^A-Z0-9]+/g, "_")
      .replace(/^(?=\d)/, "_");
    const note = `set ${variable} to ${holds}: secrets are not printed`;
    if (!this.notes.includes(note)) this.notes.push(note);
    return `\${${variable}}`;
  }
}
