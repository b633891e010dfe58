/** Serves files by HTTP with the byte ranges that players seek by, and keeps a list of what they asked for. */
import { join } from "node:path";

/** A request for a file: from which byte on. */
export type RangeRequest = { readonly path: string; readonly from: number };

/** A server of 127.0.0.1; ends with the block that it was started in. */
export type RangeServer = Disposable & {
  readonly origin: string;
  readonly requests: RangeRequest[];
};

/** `pages`: path to HTML; `portion`: of a recording an answer brings so many bytes, and no more until whoever asked goes away. */
export type RangeRules = { readonly pages?: Readonly<Record<string, string>>; readonly portion?: number };

/** Serves what `folder` holds, and pages beside it. */
export function serveRanges(folder: string, { pages = {}, portion }: RangeRules = {}): RangeServer {
  const requests: RangeRequest[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      const path = new URL(request.url).pathname;
      const page = pages[path];
      if (page !== undefined) return new Response(page, { headers: { "content-type": "text/html" } });
      const file = Bun.file(join(folder, path));
      if (!(await file.exists())) return new Response("", { status: 404 });
      const [, first] = /^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "") ?? [];
      const from = Number(first ?? 0);
      requests.push({ path, from });
      const limit = path.endsWith(".flv") ? (portion ?? Infinity) : Infinity;
      return from === 0 && file.size <= limit ? whole(file) : rest(file, from, limit);
    },
  });
  const origin = `http://127.0.0.1:${server.port}`;
  return { origin, requests, [Symbol.dispose]: () => void server.stop(true) };
}

function whole(file: Bun.BunFile): Response {
  return new Response(file, { headers: { "accept-ranges": "bytes" } });
}

function rest(file: Bun.BunFile, from: number, limit: number): Response {
  const size = file.size - from;
  const body = size <= limit ? file.slice(from) : beginningOf(file.slice(from, from + limit));
  const range = `bytes ${from}-${file.size - 1}/${file.size}`;
  return new Response(body, {
    status: from === 0 ? 200 : 206,
    headers: { "accept-ranges": "bytes", ...(from === 0 ? {} : { "content-range": range }) },
  });
}

/** A stream that brings these bytes and does not end. */
function beginningOf(file: Blob): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(await file.bytes());
    },
  });
}
