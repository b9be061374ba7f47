// Calls: a live tail of what clients ask, and each with all that is known of it.

import { get, SERVER } from "./api.js";
import { button, clockTime, copy, dateTime, facts, h, List, longText, pretty, replace, secret, setAttribute, setText, short, span, split } from "./dom.js";
import { calls as store, olderCalls } from "./store.js";

const NS = 1e6;

// The codes of the emulated API in words; a test compares them with the server's.
export const WORDS = {
  1000: "OK",
  1003: "parameter validate error",
  1005: "too frequent",
  1006: "quota not enough",
  1007: "too many contents",
  1008: "content does not exist",
  1009: "no permission",
  1010: "cannot operate this content",
  1011: "already operated",
  1015: "create video error, please try again later",
  1101: "invalid authorization",
  1102: "Authorization cannot be empty",
  1103: "unpaid",
  1104: "credits insufficient",
  1108: "image generate error, try again later",
  1109: "account does not exist",
  1200: "The account has been banned",
  1201: "create audio error, please try again later",
  1202: "the same video cannot be lip-synced again",
  1203: "the video should be with audio",
  1204: "the video duration exceeds the limit",
  1205: "create video translate error, please try again later",
  1207: "the video exceeds the size limit",
  1209: "please upload a video in another encoding format",
  1210: "the video exceeds the frame rate limit",
  1211: "create lipsync error, please try again later",
  1215: "the avatar is busy, please try again later",
  1216: "session does not exist",
  1219: "session is closed",
  1232: "knowledge base does not exist",
  1233: "knowledge base name already exists",
  2001: "server error",
};

const SECRET = new Set(["authorization", "x-api-key", "cookie"]);

export function outcome(call) {
  if (call.http === 0) return ["failed", `✕ no response${call.transfer?.termination ? `: ${call.transfer.termination}` : ""}`];
  if (call.code !== null) {
    const words = `${call.code} ${WORDS[call.code] ?? ""}`.trim();
    return call.code === 1000 ? ["completed", `✓ ${words}`] : ["failed", `✕ ${words}`];
  }
  return call.http < 400 ? ["completed", `✓ HTTP ${call.http}`] : ["failed", `✕ HTTP ${call.http}`];
}

function fill(row, call) {
  const [number, time, gap, method, endpoint, code, job, account, transport] = row.children;
  const [kind, words] = outcome(call);
  setText(number, `#${call.number}`);
  setText(time, clockTime(call.time_ns / NS));
  setText(gap, call.gap === null ? "" : `+${span(call.gap)}`);
  setText(method, short(call.method, 10));
  setText(endpoint, call.endpoint === "unknown" ? short(call.path, 120) : call.endpoint);
  setAttribute(code, "class", `code ${kind}`);
  setText(code, call.http >= 400 && call.code !== null ? `${words}, HTTP ${call.http}` : words);
  setText(job, call.job ? `${call.job_status ? `${call.job_status} ` : ""}${call.job}` : "");
  setText(account, short(call.account ?? "", 60));
  setText(transport, call.rule ? `${call.transport}, by a rule` : call.transport);
}

// As curl, and as a rule

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const LEFT_OUT = new Set(["host", "content-length", "connection", "accept-encoding", "transfer-encoding", "expect"]);

export function asCurl(call) {
  const url = `${SERVER}${call.path}${call.query ? `?${call.query}` : ""}`;
  const words = ["curl", quoted(url)];
  if (call.method !== "GET") words.push("-X", quoted(call.method));
  for (const [name, value] of Object.entries(call.headers)) if (!LEFT_OUT.has(name)) words.push("-H", quoted(`${name}: ${value}`));
  if (typeof call.body !== "string") return `printf %s ${quoted(call.body.base64)} | base64 -d | ${words.join(" ")} --data-binary @-`;
  if (call.body) words.push("--data-binary", quoted(call.body));
  return words.join(" ");
}

// As JSON, which YAML has too, but for some characters that YAML takes in no text.
const inYaml = (text) => JSON.stringify(text).replace(/[\x7f-\uffff]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);

export function asRule(call) {
  const fault =
    call.http === 0 ? "drop: true" : call.http >= 400 ? `http: ${call.http}` : call.code !== null && call.code !== 1000 ? `code: ${call.code}` : "http: 502";
  const account = call.account ? `    account: ${inYaml(call.account)}\n` : "";
  return `description: Made of call ${call.number}.\nrules:\n  - on: ${JSON.stringify(call.endpoint)}\n${account}    first: 1\n    optional: true\n    fault: {${fault}}\n`;
}

// One call

let shown = null;

const body = (value) => {
  if (typeof value === "string") return value ? longText(pretty(value)) : h("p", { class: "note" }, "empty");
  return [h("p", { class: "note" }, value.whole ? `The beginning; they were ${value.whole.toLocaleString("en")} bytes.` : "These bytes are no text."), longText(value.base64)];
};

const headers = (found) =>
  h("table", { class: "stages headers" }, h("tbody", null, Object.entries(found).map(([name, value]) => h("tr", null, h("th", { scope: "row" }, name), h("td", { dir: "auto" }, SECRET.has(name) ? secret(value) : short(value, 2000))))));

async function open(number) {
  shown = number;
  if (number === null) {
    replace(view.detail);
    return;
  }
  const said = await get("calls", { after: Math.max(0, number - 1) || 0, limit: 1 }).catch(() => null);
  if (shown !== number) return;
  const call = said?.calls[0];
  if (!call || call.number !== Number(number)) {
    replace(view.detail, h("h2", null, `Call #${short(String(number), 20)}`), h("p", null, "It is not kept: the fake was reset, the log holds newer ones only, or there never was one."));
    return;
  }
  const [kind, words] = outcome(call);
  replace(
    view.detail,
    h("h2", null, `Call #${call.number}`),
    h("p", { class: `status big ${kind}` }, words),
    call.reason && h("div", { class: "why" }, h("h3", null, "Why it was refused"), h("p", { dir: "auto" }, short(call.reason, 4000))),
    call.rule && h("div", { class: "why" }, h("h3", null, "The rule that answered"), h("p", { dir: "auto" }, short(call.rule, 2000))),
    h(
      "div",
      { class: "actions" },
      button("Copy as curl", () => copy(asCurl(call), "Command")),
      button("Make a rule of this", () => view.makeRule(asRule(call))),
    ),
    h("h3", null, "Request"),
    h("pre", { tabIndex: 0, dir: "auto" }, short(`${call.method} ${call.path}${call.query ? `?${call.query}` : ""}`, 4000)),
    headers(call.headers),
    body(call.body),
    h("h3", null, `Response${call.http ? `: HTTP ${call.http}` : ""}`),
    headers(call.response_headers),
    body(call.response_body),
    facts([
      ["Endpoint", call.endpoint],
      ["Came", `${dateTime(call.time_ns / NS)}, ${call.at.toFixed(3)} s after the start`],
      ["Account", call.account && h("code", null, short(call.account, 100))],
      ["Job", call.job && button(call.job, () => view.page.go("jobs", call.job), { class: "link" })],
      ["It was shown", call.job_status],
      ["Held back", call.delay_ns ? span(call.delay_ns / NS) : ""],
      ["How it travelled", call.transfer && JSON.stringify(call.transfer)],
      ["Transport", call.transport],
      ["The job follows", call.job_script],
    ]),
  );
}

// The view

export const calls = {
  name: "calls",
  title: "Calls",
  build() {
    const filtered = () => view.draw(new Set(["all"]));
    view.filter = h("input", { type: "search", placeholder: "Filter by endpoint, code, job, path", "aria-label": "Filter calls", oninput: filtered, spellcheck: false });
    view.kind = h("select", { "aria-label": "Outcome", onchange: filtered }, h("option", { value: "" }, "any outcome"), h("option", { value: "failed" }, "went wrong"), h("option", { value: "completed" }, "went well"));
    view.found = h("span", { class: "note", role: "status" });
    const columns = [["number", "#"], ["time", "Time"], ["gap", "Since the last"], ["method", ""], ["endpoint", "Endpoint"], ["code", "Outcome"], ["job", "Job"], ["account", "Account"], ["transport", "Transport"]];
    view.list = new List({
      label: "Calls, newest first",
      kind: "calls",
      columns,
      make: () => h("div", null, columns.map(([name]) => h("span", { class: name }))),
      fill,
      key: (call) => call.number,
      open: (call) => view.page.go("calls", call.number),
      near: olderCalls,
      empty: "No call yet. Give your client the address of this server.",
    });
    const [element, detail] = split(view.list.element, "The call", () => view.page.go("calls"));
    view.detail = detail;
    return [h("div", { class: "filters" }, view.filter, view.kind, view.found), element];
  },
  shows(key) {
    view.list.selected = key;
    if (shown !== key) open(key);
  },
  of(job) {
    view.filter.value = job;
    view.page.go("calls");
  },
  count: () => (store.last ? store.last.toLocaleString("en") : ""),
  draw(kinds) {
    if (!kinds.has("calls") && !kinds.has("all")) return;
    const account = view.page.account;
    const kind = view.kind.value;
    const text = view.filter.value.trim().toLowerCase();
    const isFiltered = Boolean(account || kind || text);
    const found = [];
    for (let at = store.list.length - 1; at >= 0; at--) {
      const call = store.list[at];
      if (account && call.account !== account) continue;
      if (kind && outcome(call)[0] !== kind) continue;
      if (text && !`#${call.number} ${call.method} ${call.path} ${call.endpoint} ${outcome(call)[1]} ${call.job} ${call.job_status} ${call.account} ${call.rule} ${call.reason}`.toLowerCase().includes(text)) continue;
      found.push(call);
    }
    view.list.set(found);
    setText(view.found, isFiltered ? `${found.length.toLocaleString("en")} of ${store.list.length.toLocaleString("en")} loaded` : "");
    if (isFiltered) olderCalls();
  },
  makeRule() {},
};

const view = calls;
