// A fetch that mock-akool answers, for tests of an app that calls the real addresses. See README.md.
//
//     globalThis.fetch = answeringFetch("http://127.0.0.1:25665");

import { setTimeout as sleep } from "node:timers/promises";

// The API, and where pictures are.
const HOSTS = ["openapi.akool.com", "d2qf6ukcym4kn9.cloudfront.net"];

// `token` is the fake's admin token, if it has one. Calls to other hosts go to `otherwise`.
export function answeringFetch(fake, { token, otherwise = globalThis.fetch } = {}) {
  const network = globalThis.fetch;
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  return async (input, init) => {
    const url = new URL(input.url ?? input);
    if (!HOSTS.includes(url.hostname)) return otherwise(input, init);
    const request = new Request(input, init);
    const { method } = request;
    const signal = init?.signal ?? input.signal;
    const asked = {
      method,
      path: url.pathname,
      query: url.search.slice(1),
      headers: Object.fromEntries(request.headers),
      body: { base64: Buffer.from(await request.arrayBuffer()).toString("base64") },
      door: "fetch",
    };
    const reply = await network(new URL("/_mock/answer", fake), {
      method: "POST",
      headers,
      body: JSON.stringify(asked),
      signal,
    });
    const told = await reply.json();
    if (!reply.ok) throw new Error(`mock-akool does not answer: ${told.error}. ${told.hint}`);
    await wait(told.delay_ns, signal);
    if (told.ends === "drop") throw failed("fetch failed", "UND_ERR_SOCKET");
    if (told.ends === "reset") throw failed("fetch failed", "ECONNRESET");
    const hasNoBody = method === "HEAD" || [204, 205, 304].includes(told.http);
    return new Response(hasNoBody ? null : body(told, signal), { status: told.http, headers: told.answer_headers });
  };
}

// The body as it arrives: at once or in pieces, and to its end or to where it is cut.
function body({ answer, ends, sent_bytes, piece_bytes, pause_ns }, signal) {
  const bytes = typeof answer === "string" ? Buffer.from(answer) : Buffer.from(answer.base64, "base64");
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      if (sent < sent_bytes) {
        await wait(pause_ns, signal);
        const from = sent;
        sent = piece_bytes ? Math.min(from + piece_bytes, sent_bytes) : sent_bytes;
        controller.enqueue(new Uint8Array(bytes.subarray(from, sent)));
      } else if (ends === "cut") controller.error(failed("terminated", "UND_ERR_SOCKET"));
      else controller.close();
    },
  });
}

// Waits in real time, until the caller has had enough.
async function wait(ns, signal) {
  signal?.throwIfAborted();
  if (!ns) return;
  await sleep(Math.min(ns / 1e6, 2 ** 31 - 1), undefined, { signal }).catch(() => signal.throwIfAborted());
}

// An error as fetch has it: the message is always the same, and the cause tells.
function failed(message, code) {
  return new TypeError(message, { cause: Object.assign(new Error("mock-akool ends the connection"), { code }) });
}
