// A fetch that mock-akool answers, for tests of an app that calls the real addresses. See README.md.
//
//     globalThis.fetch = answeringFetch("http://127.0.0.1:25665");

// The API, and where its files are.
const HOSTS = [
  "openapi.akool.com",
  "d2qf6ukcym4kn9.cloudfront.net",
  "drz0f01yeq1cx.cloudfront.net",
  "d3323c6w59hl44.cloudfront.net",
  "d5v2vcqcwe9y5.cloudfront.net",
  "sg3.akool.com",
];

// Requests to HOSTS go to the server at `fake`, and requests to other hosts to `otherwise`.
export function answeringFetch(fake, { otherwise = globalThis.fetch } = {}) {
  const network = globalThis.fetch;
  return async (input, init) => {
    const url = new URL(input.url ?? input);
    if (!HOSTS.includes(url.hostname)) return otherwise(input, init);
    const there = new URL(fake);
    there.pathname = url.pathname;
    there.search = url.search;
    const request = new Request(input, init);
    // The signal is given by itself: what aborts the caller's request then rejects with the caller's reason.
    const signal = init?.signal ?? input.signal;
    const { method, headers } = request;
    const body = request.body === null ? undefined : await request.arrayBuffer();
    return network(there, { method, headers, body, signal });
  };
}
