// The admin API: requests, the token that it may want, and the stream of events.

import { button, dialog, h, toast } from "./dom.js";

const BASE = new URL("./", location.href.split(/[?#]/)[0]);
// Where clients find the fake: also below a path of a proxy.
export const SERVER = new URL("..", BASE).href.slice(0, -1);
const KEPT = "mock-akool admin token";

let token = sessionStorage.getItem(KEPT);
let asking = null;

export class Refused extends Error {
  constructor(status, error, hint) {
    super(hint ? `${error}. ${hint}` : error);
    Object.assign(this, { status, hint });
  }
}

// The token is kept for this tab only, and sent in a header, never in an address.
function askForToken(why) {
  asking ??= new Promise((done) => {
    const field = h("input", { type: "password", autocomplete: "off", required: true, id: "token" });
    const form = h(
      "form",
      {
        method: "dialog",
        onsubmit: (event) => {
          event.preventDefault();
          token = field.value.trim();
          sessionStorage.setItem(KEPT, token);
          box.close();
        },
      },
      h("p", { id: "token-why" }, why),
      h("label", { htmlFor: "token" }, "Token"),
      field,
      h("p", { class: "note" }, "It is the TOKEN of --admin-token. This tab keeps it until it is closed."),
      h("div", { class: "actions" }, button("Use it", null, { type: "submit", class: "main" })),
    );
    const box = dialog("The admin API wants its token", form);
    field.focus();
    box.addEventListener("close", () => {
      asking = null;
      done();
    });
  });
  return asking;
}

// Headers hold bytes; fetch takes each of them as a character.
const bytesOf = (text) => String.fromCharCode(...new TextEncoder().encode(text));

async function send(method, path, { query, body, headers, signal } = {}) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  for (;;) {
    const used = token;
    const response = await fetch(url, {
      method,
      signal,
      cache: "no-store",
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(used ? { authorization: `Bearer ${bytesOf(used)}` } : {}),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (response.status !== 401) return response;
    if (used === token) await askForToken(used ? "This is not its token." : "This server was started with an admin token.");
    if (signal?.aborted) throw new Refused(401, "the admin API wants its token");
  }
}

export async function ask(method, path, options) {
  const response = await send(method, path, options);
  if (response.ok) return response.json();
  const said = await response.json().catch(() => ({}));
  throw new Refused(response.status, said.error ?? `HTTP ${response.status}`, said.hint);
}

export const get = (path, query) => ask("GET", path, { query });

export async function file(path) {
  const response = await send("GET", path, { headers: { accept: "*/*" } });
  if (!response.ok) throw new Refused(response.status, `HTTP ${response.status}`);
  return response.blob();
}

// Does what a button says, and tells what was wrong when it could not.
export async function act(method, path, body, done) {
  try {
    const said = await ask(method, path, { body: body ?? (method === "POST" ? {} : undefined) });
    if (done) toast(done);
    return said;
  } catch (error) {
    toast(error.message, "bad");
    return null;
  }
}

// A request that is repeated as long as it is wanted, but costs the server little: the longer it takes, the rarer.
export class Refresher {
  constructor(load, shortest, share) {
    Object.assign(this, { load, shortest, share, ended: -Infinity, took: 0, wanted: false, running: false, timer: 0 });
  }

  want(now = false) {
    this.wanted = true;
    if (now) this.ended = -Infinity;
    this.schedule();
  }

  schedule() {
    if (this.running) return;
    clearTimeout(this.timer);
    const pause = Math.max(this.shortest, this.took * this.share); // as these are now, not when it ran
    this.timer = setTimeout(() => this.run(), Math.max(0, this.ended + pause - performance.now()));
  }

  async run() {
    if (document.hidden || !this.wanted) {
      if (this.wanted) document.addEventListener("visibilitychange", () => this.schedule(), { once: true });
      return;
    }
    this.wanted = false;
    this.running = true;
    const began = performance.now();
    try {
      await this.load();
    } catch (error) {
      if (error instanceof Refused) toast(error.message, "bad");
      // A lost connection is shown at the top.
    }
    this.running = false;
    this.ended = performance.now();
    this.took = this.ended - began;
    if (this.wanted) this.schedule();
  }
}

// Events. EventSource cannot send a token, so the stream is read here; it is resumed where it broke off.

const QUIET_MS = 40_000; // the server says something every 15 seconds
const HIDDEN_MS = 1000; // browsers have six connections for a host: a tab that nobody looks at lets go of its one
const LIMIT = 100; // calls at once, ten times a second; the server then leaves out older ones

export class Stream {
  constructor({ events, state, begins }) {
    Object.assign(this, { events, state, begins, id: null, failed: 0 });
    this.wake = () => {};
    addEventListener("online", () => this.wake());
    let timer = 0;
    document.addEventListener("visibilitychange", () => {
      clearTimeout(timer);
      if (document.hidden) timer = setTimeout(() => this.leave(), HIDDEN_MS);
      else this.wake();
    });
    this.leave = () => {};
  }

  async run() {
    for (;;) {
      while (document.hidden) await new Promise((done) => (this.wake = done));
      try {
        await this.read();
      } catch (error) {
        if (error instanceof Refused && error.status === 400) this.id = null;
      }
      if (document.hidden) continue;
      this.failed += 1;
      this.state("lost");
      const pause = Math.min(5000, 250 * 2 ** Math.min(this.failed, 5));
      await new Promise((done) => {
        this.wake = done;
        setTimeout(done, pause);
      });
    }
  }

  async read() {
    if (this.id === null) this.id = (await get("events")).next;
    const abort = new AbortController();
    this.leave = () => abort.abort();
    const response = await send("GET", "events", {
      query: { newest: "true", limit: LIMIT },
      headers: { accept: "text/event-stream", "last-event-id": this.id },
      signal: abort.signal,
    });
    if (!response.ok) throw new Refused(response.status, `HTTP ${response.status}`);
    await this.begins();
    this.failed = 0;
    this.state("live");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let timer = 0;
    try {
      for (;;) {
        clearTimeout(timer);
        timer = setTimeout(() => abort.abort(), QUIET_MS);
        const { value, done } = await reader.read();
        if (done) return;
        const pieces = (rest + value).split("\n\n");
        rest = pieces.pop();
        this.take(pieces);
      }
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  }

  take(pieces) {
    const found = [];
    for (const piece of pieces) {
      let kind = "";
      let data = null;
      for (const line of piece.split("\n")) {
        if (line.startsWith("data: ")) data = JSON.parse(line.slice(6));
        else if (line.startsWith("event: ")) kind = line.slice(7);
        else if (line.startsWith("id: ")) this.id = line.slice(4);
      }
      if (data !== null) found.push([kind, data]);
    }
    if (found.length) this.events(found);
  }
}
