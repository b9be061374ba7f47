// Webhooks: deliveries, what became of them, and what is in them.

import { act } from "./api.js";
import { button, clockTime, count, dateTime, facts, h, List, longText, pretty, replace, setAttribute, setText, short, span, split } from "./dom.js";
import { webhooks as store } from "./store.js";

const NS = 1e6;

export const sign = (delivery) => ({ delivered: "✓", waiting: "…" })[delivery.state] ?? "✕";

export const deliveryLine = (each) => `#${each.number} ${each.job_status}: ${sign(each)} ${each.state}`;

export function attempts(delivery) {
  const said = delivery.attempts.map((each) => (each.http === null ? each.error || "no answer" : `HTTP ${each.http}`));
  return said.length ? `${count(said.length, "attempt")}: ${short(said.slice(-3).join(", "), 80)}` : delivery.why || "not sent yet";
}

const good = (each) => ({ delivered: "completed", waiting: "queueing" })[each.state] ?? "failed";

function fill(row, each) {
  const [number, state, status, job, url, tried, time] = row.children;
  setText(number, `#${each.number}`);
  setAttribute(state, "class", `state ${good(each)}`);
  setText(state, `${sign(each)} ${each.state}`);
  setText(status, each.job_status);
  setText(job, each.job);
  setText(url, short(each.url, 200));
  setText(tried, attempts(each));
  setText(time, clockTime(each.due_ns / NS));
}

let shown = null;
let mark = "";

function drawDetail() {
  if (shown === null) return;
  const each = store.byNumber.get(Number(shown));
  const is = each ? `${shown} ${each.state} ${each.attempts.length} ${each.next_ns}` : `${shown} none`;
  if (is === mark) return;
  mark = is;
  if (!each) {
    replace(view.detail, h("h2", null, `Webhook #${short(String(shown), 20)}`), h("p", null, "It is not here: the fake was reset, or there never was one."));
    return;
  }
  replace(
    view.detail,
    h("h2", null, `Webhook #${each.number}`),
    h("p", { class: `status big ${good(each)}` }, `${sign(each)} ${each.state}`),
    each.error && h("p", { dir: "auto" }, short(each.error, 2000)),
    h("div", { class: "actions" }, button("Resend", () => act("POST", "webhooks/resend", { number: each.number, account: each.account }, "Sent again"))),
    facts([
      ["Reports", each.job_status],
      ["Job", button(each.job, () => view.page.go("jobs", each.job), { class: "link" })],
      ["To", h("code", null, short(each.url, 2000))],
      ["Account", h("code", null, short(each.account, 100))],
      ["Due", dateTime(each.due_ns / NS)],
      ["Next attempt", each.next_ns && dateTime(each.next_ns / NS)],
      ["Repeats", each.copy_of && `#${each.copy_of}`],
      ["Made to go wrong", each.fault && JSON.stringify(each.fault)],
    ]),
    h("h3", null, "Attempts"),
    each.attempts.length
      ? h(
          "table",
          { class: "stages" },
          h("thead", null, h("tr", null, ["Began", "Took", "Answer"].map((text) => h("th", { scope: "col" }, text)))),
          h("tbody", null, each.attempts.map((one) => h("tr", null, h("td", null, clockTime(one.started_ns / NS)), h("td", null, span((one.ended_ns - one.started_ns) / NS)), h("td", { dir: "auto" }, one.http === null ? short(one.error, 500) : `HTTP ${one.http}`)))),
        )
      : h("p", { class: "note" }, each.why || "None yet."),
    h("h3", null, "The envelope opened"),
    body(each.payload),
    h("h3", null, "As it is sent"),
    body(each.body),
  );
}

const body = (value) => (typeof value === "string" ? longText(pretty(value)) : longText(`base64: ${value.base64}`));

export const webhooks = {
  name: "webhooks",
  title: "Webhooks",
  build() {
    const filtered = () => view.draw(new Set(["all"]));
    view.filter = h("input", { type: "search", placeholder: "Filter by job, state or URL", "aria-label": "Filter webhooks", oninput: filtered, spellcheck: false });
    view.list = new List({
      label: "Webhooks, newest first",
      kind: "hooks",
      columns: [["number", "#"], ["state", "State"], ["reports", "Reports"], ["job", "Job"], ["url", "To"], ["tried", "Attempts"], ["time", "Due"]],
      make: () => h("div", null, ["number", "state", "reports", "job", "url", "tried", "time"].map((each) => h("span", { class: each }))),
      fill,
      key: (each) => each.number,
      open: (each) => view.page.go("webhooks", each.number),
      empty: "No webhook yet. A create that has a webhookUrl asks for them.",
    });
    const [element, detail] = split(view.list.element, "The webhook", () => view.page.go("webhooks"));
    view.detail = detail;
    return [h("div", { class: "filters" }, view.filter), element];
  },
  shows(key) {
    shown = key;
    mark = "";
    view.list.selected = key;
    if (key === null) replace(view.detail);
  },
  count: () => (store.list.length ? store.list.length.toLocaleString("en") : ""),
  draw(kinds) {
    if (kinds.has("webhooks") || kinds.has("all")) {
      const account = view.page.account;
      const text = view.filter.value.trim().toLowerCase();
      view.list.set(
        store.list.filter((each) => (!account || each.account === account) && (!text || `#${each.number} ${each.state} ${each.job_status} ${each.job} ${each.url} ${each.error}`.toLowerCase().includes(text))).reverse(),
      );
    }
    drawDetail();
  },
};

const view = webhooks;
