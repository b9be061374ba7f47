// What the page knows of the fake: jobs, calls, webhooks and the clock. Lists begin with the newest; older ones are
// loaded when somebody scrolls to them or filters, so that the page opens as fast with ten thousand as with ten.

import { get, Refresher, Stream } from "./api.js";

const NS = 1e6;
const PAGE = 300;
const MOST = 20_000; // of a kind; then the oldest are let go

export const clock = { ms: Date.now(), at: performance.now(), speed: 1, frozen: false, virtual: false, known: false };

export const now = () => clock.ms + (performance.now() - clock.at) * clock.speed;

function setClock(said, asked = performance.now()) {
  const at = (asked + performance.now()) / 2;
  Object.assign(clock, { ms: said.now_ns / NS, at, speed: said.speed, frozen: said.frozen, virtual: said.virtual, known: true });
  changed("clock");
}

export async function readClock() {
  const asked = performance.now();
  setClock(await get("clock"), asked);
}

export { setClock };

// Who shows something hears what changed, at most six times a second.

const watchers = [];
let dirty = new Set();
let due = 0;
let last = 0;

export const watch = (draw) => watchers.push(draw);

export function changed(...kinds) {
  for (const each of kinds) dirty.add(each);
  if (due) return;
  due = setTimeout(() => {
    due = requestAnimationFrame(() => {
      due = 0;
      last = performance.now();
      const seen = dirty;
      dirty = new Set();
      for (const each of watchers) each(seen);
    });
    // A hidden tab gets no frames; what happened is drawn when it is looked at.
  }, Math.max(0, last + 160 - performance.now()));
}

// The life of a job

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function spanOf(text) {
  const found = /^([\d.]+)\s*(ms|s|m|h|d|polls?)$/.exec(text);
  if (!found) return { forever: true };
  if (found[2].startsWith("poll")) return { polls: Number(found[1]) };
  return { ms: Number(found[1]) * UNITS[found[2]] };
}

// Returns the stages of a job, each with when it begins; `at` is null where it is not known yet.
export function lifeOf(job) {
  const stages = [];
  const polls = job.polls_ns;
  let at = job.created_ns / NS;
  let seen = 0;
  let ending = "completed";
  for (const each of job.stages) {
    if (typeof each === "string" || "failed" in each) {
      ending = typeof each === "string" ? each : "failed";
      if (typeof each === "string" || Array.isArray(each.failed) || typeof each.failed === "object") continue;
    }
    const [status, text] = Object.entries(each)[0];
    const span = spanOf(String(text));
    const stage = { status, at, span, text: String(text), until: null, polled: 0 };
    stages.push(stage);
    if (at === null) continue;
    if (span.ms !== undefined) {
      at += span.ms;
      while (seen < polls.length && polls[seen] / NS < at) seen++;
    } else if (span.forever || seen + span.polls > polls.length) {
      stage.polled = span.forever ? 0 : polls.length - seen;
      at = null;
    } else if (span.polls) {
      seen += span.polls;
      stage.polled = span.polls;
      at = Math.max(at, polls[seen - 1] / NS);
    }
    stage.until = at;
  }
  return { stages: stages.filter((each) => each.span.ms !== 0 && each.span.polls !== 0), ending, ends: at };
}

export function statusOf(entry, ms) {
  const life = (entry.life ??= lifeOf(entry));
  if (life.ends !== null && ms >= life.ends) return life.ending;
  let found = null;
  for (const each of life.stages) if (each.at !== null && each.at <= ms) found = each.status;
  return found ?? life.stages[0]?.status ?? entry.status;
}

export const isMoving = (entry, ms) => {
  const life = (entry.life ??= lifeOf(entry));
  return life.ends === null || ms < life.ends;
};

// Asked for: the one line that says it best

const SAID = ["prompt", "text", "input_text", "script", "name"];

export function askedFor(job) {
  const asked = job.request;
  if (asked.button) return `${asked.button}: ${(job.origin?.prompt ?? "").slice(0, 300)}`;
  for (const name of SAID) if (typeof asked[name] === "string" && asked[name].trim()) return asked[name].slice(0, 300);
  const words = [];
  for (const [name, value] of Object.entries(asked)) {
    if (name === "endpoint" || value === null || value === "" || value === false || (Array.isArray(value) && !value.length)) continue;
    words.push(`${name} ${typeof value === "object" ? JSON.stringify(value).slice(0, 80) : String(value).slice(0, 80)}`);
    if (words.length > 3) break;
  }
  return words.join(", ") || "nothing in particular";
}

// Jobs, newest last. One that is older than the list is known only while somebody looks at it.

export const jobs = { list: [], byId: new Map(), total: 0, older: 0 };

function putJob(job) {
  const known = jobs.byId.get(job._id);
  if (!known) jobs.byId.set(job._id, job);
  else Object.assign(known, { life: undefined, said: undefined }, job);
  return known ?? job;
}

const listed = (job) => Object.assign(job, { isListed: true });

// Whether a job that is not known was there before those that are. Jobs of one instant have the numbers of their account.
function isOlder(job) {
  const oldest = jobs.list[0];
  if (!oldest || job.created_ns > oldest.created_ns) return false;
  return job.created_ns < oldest.created_ns || jobs.list.some((each) => each.account === job.account && each.number > job.number);
}

function tookJob(job) {
  if (jobs.byId.has(job._id)) putJob(job);
  else if (!isOlder(job)) {
    jobs.list.push(listed(putJob(job)));
    jobs.total += 1;
  }
}

export const seekJob = async (id) => putJob(await get(`jobs/${encodeURIComponent(id)}`));

async function loadJobs(offset) {
  const said = await get("jobs", { newest: "true", offset, limit: PAGE });
  const fresh = said.jobs.filter((each) => !jobs.byId.get(each._id)?.isListed);
  for (const each of said.jobs) putJob(each);
  jobs.list = fresh.map((each) => listed(jobs.byId.get(each._id))).reverse().concat(jobs.list);
  jobs.total = said.matched;
  jobs.older = said.next ?? 0;
  changed("jobs");
}

function dropJob(id) {
  jobs.byId.delete(id);
  jobs.list = jobs.list.filter((each) => each._id !== id);
  recount.want();
}

// One that was deleted may be older than the list.
const recount = new Refresher(
  async () => {
    jobs.total = (await get("jobs", { limit: 1 })).matched;
    changed("jobs");
  },
  300,
  10,
);

// Calls, newest last; all numbers from the first to the last are there

export const calls = { list: [], last: 0, dropped: 0, older: false };

function putCall(call) {
  const list = calls.list;
  if (call.number <= calls.last) return;
  if (call.number !== calls.last + 1) {
    list.length = 0; // a gap: the older ones are loaded when wanted
    calls.older = true;
  }
  call.gap = list.length ? call.time_ns / NS - list[list.length - 1].time_ns / NS : null;
  list.push(call);
  calls.last = call.number;
}

const LONG = ["headers", "query", "body", "response_headers", "response_body", "file_base"];

async function loadCalls() {
  const end = calls.list.length ? calls.list[0].number : calls.last + 1;
  const said = await get("calls", { after: Math.max(0, end - 1 - PAGE), limit: PAGE });
  const found = said.calls.filter((each) => each.number < end);
  calls.dropped = said.dropped;
  for (const [place, each] of found.entries()) {
    for (const name of LONG) delete each[name];
    each.gap = place ? each.time_ns / NS - found[place - 1].time_ns / NS : null;
  }
  if (found.length && calls.list.length) {
    calls.list[0].gap = calls.list[0].time_ns / NS - found[found.length - 1].time_ns / NS;
  }
  calls.list = found.concat(calls.list);
  calls.last = Math.max(calls.last, calls.list.at(-1)?.number ?? 0);
  calls.older = calls.list.length > 0 && calls.list[0].number > Math.max(1, calls.dropped + 1) && found.length > 0;
  changed("calls");
}

// Webhooks, newest last

export const webhooks = { list: [], byNumber: new Map(), sending: "" };

function putWebhook(delivery) {
  const known = webhooks.byNumber.get(delivery.number);
  if (known) {
    Object.assign(known, delivery);
    return;
  }
  webhooks.byNumber.set(delivery.number, delivery);
  const list = webhooks.list;
  let place = list.length;
  while (place && list[place - 1].number > delivery.number) place--;
  list.splice(place, 0, delivery);
}

// Which number the newest has is not known where accounts were reset: then a page more is read.
async function loadWebhooks() {
  const { matched } = await get("webhooks", { limit: 1 });
  let after = Math.max(0, matched - PAGE);
  while (after !== null) {
    const said = await get("webhooks", { after, limit: PAGE });
    for (const each of said.webhooks) putWebhook(each);
    after = said.next;
  }
  changed("webhooks");
}

// Loading

const once = (load, isThere) => {
  let running = null;
  return () => {
    if (!isThere() || running) return running;
    running = load().catch(() => {}).finally(() => (running = null));
    return running;
  };
};

export const olderJobs = once(
  () => loadJobs(jobs.older),
  () => jobs.older > 0 && jobs.list.length < MOST,
);
export const olderCalls = once(loadCalls, () => calls.older && calls.list.length < MOST);

function forget() {
  Object.assign(jobs, { list: [], byId: new Map(), total: 0, older: 0 });
  Object.assign(calls, { list: [], last: 0, dropped: 0, older: false });
  Object.assign(webhooks, { list: [], byNumber: new Map() });
}

export async function loadLists() {
  const [first] = await Promise.all([get("calls", { limit: 1 }), loadJobs(0), loadWebhooks(), readClock()]);
  calls.dropped = first.dropped;
  calls.last = Math.max(calls.last, first.matched + first.dropped);
  await loadCalls();
  changed("jobs", "calls", "webhooks");
}

// Events

const reload = new Refresher(
  async () => {
    forget();
    await loadLists();
  },
  500,
  1,
);

function take(events) {
  const kinds = new Set();
  for (const [kind, data] of events) {
    if (kind === "job") {
      tookJob(data);
      kinds.add("jobs");
    } else if (kind === "call") {
      putCall(data);
      kinds.add("calls");
    } else if (kind === "webhook") {
      putWebhook(data);
      kinds.add("webhooks");
    } else if (kind === "deleted") {
      if (data.job) dropJob(data.job);
      if (data.webhook !== null && webhooks.byNumber.delete(data.webhook)) {
        webhooks.list = webhooks.list.filter((each) => each.number !== data.webhook);
      }
      kinds.add("jobs").add("webhooks");
    } else if (kind === "clock") setClock(data);
    else if (kind === "reset") {
      forget();
      reload.want(true);
      kinds.add("jobs").add("calls").add("webhooks").add("reset");
    } else if (kind === "dropped" && (data.jobs || data.webhooks)) reload.want();
  }
  for (const store of [jobs, calls]) {
    if (store.list.length <= MOST) continue;
    const gone = store.list.splice(0, store.list.length - MOST);
    if (store === jobs) for (const each of gone) jobs.byId.delete(each._id);
    else calls.older = true;
  }
  changed(...kinds);
}

export async function start(state) {
  const stream = new Stream({ events: take, state, begins: readClock });
  stream.id = null;
  for (;;) {
    try {
      // First the position, then the lists: what happens in between comes again, and is recognised.
      stream.id = (await get("events")).next;
      await loadLists();
      break;
    } catch {
      state("lost");
      await new Promise((done) => setTimeout(done, 1000));
      forget();
    }
  }
  await stream.run();
}
