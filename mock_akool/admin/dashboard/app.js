// The page: its views, the clock and the connection at the top, the keyboard, and where one is, which is in the address.

import { act, get, Refresher } from "./api.js";
import { button, clockTime, confirmed, dateTime, dialog, h, put, replace, setText, span, toast, zone } from "./dom.js";
import { accounts } from "./accounts.js";
import { calls } from "./calls.js";
import { hints } from "./hints.js";
import { jobs } from "./jobs.js";
import { scenarios, write } from "./scenarios.js";
import * as store from "./store.js";
import { webhooks } from "./webhooks.js";

const VIEWS = [jobs, calls, hints, scenarios, accounts, webhooks];
const main = document.getElementById("main");
const field = document.getElementById("account");

export const page = {
  view: null,
  account: "",
  // Shows a view, and in it the item of this key, by the address: so the browser's buttons work, and a reload.
  go(name, key) {
    const to = `#${name}${key === undefined || key === null ? "" : `/${encodeURIComponent(key)}`}`;
    location.hash = to;
    page.arrived();
  },
  arrived() {
    const focused = document.activeElement;
    page.at = location.hash;
    const [name, ...rest] = location.hash.slice(1).split("/");
    const view = VIEWS.find((each) => each.name === name) ?? VIEWS[0];
    let key = null;
    try {
      key = rest.length ? decodeURIComponent(rest.join("/")) : null;
    } catch {
      // Somebody wrote this address by hand.
    }
    for (const each of VIEWS) {
      each.element.hidden = each !== view;
      each.tab.setAttribute("aria-selected", String(each === view));
      each.tab.tabIndex = each === view ? 0 : -1;
    }
    page.view = view;
    keepInSight();
    document.title = `${view.title} · mock-akool`;
    document.body.classList.toggle("detailed", key !== null && view.shows !== undefined);
    view.shows?.(key);
    view.draw(new Set(["all"]));
    // The keyboard goes on in what is shown instead of what had it.
    if (focused !== document.body && focused.checkVisibility?.({ visibilityProperty: true }) === false) {
      (key === null || !view.detail ? (view.list?.scroller ?? view.tab) : view.detail.parentElement).focus();
    }
  },
};

calls.makeRule = write;
jobs.callsOf = calls.of;
accounts.only = (key) => {
  field.value = key;
  field.dispatchEvent(new Event("input"));
  page.go("jobs");
};

// Tabs

function keepInSight() {
  page.view.tab.scrollIntoView({ block: "nearest", inline: "nearest" });
}

// A number that a tab gets moves those behind it.
const sizes = new ResizeObserver(keepInSight);

for (const view of VIEWS) {
  view.page = page;
  view.element = h("section", { id: `view-${view.name}`, class: `view ${view.name}`, hidden: true, role: "tabpanel", "aria-labelledby": `tab-${view.name}` });
  view.badge = h("b", null);
  view.tab = h(
    "button",
    {
      type: "button",
      role: "tab",
      id: `tab-${view.name}`,
      "aria-controls": `view-${view.name}`,
      onclick: () => page.go(view.name),
      onkeydown: (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const next = VIEWS[(VIEWS.indexOf(view) + step + VIEWS.length) % VIEWS.length];
        page.go(next.name);
        next.tab.focus();
        event.preventDefault();
      },
    },
    view.title,
    view.badge,
  );
  document.getElementById("tabs").append(view.tab);
  sizes.observe(view.tab);
  put(view.element, [view.build()]);
  main.append(view.element);
}

// The clock

const shown = h("output", { class: "time", "aria-label": "what the fake's clock shows" });
const how = h("span", { class: "how" });
const SPEEDS = [0.1, 1, 2, 5, 10, 60, 600];
const speed = h(
  "select",
  { "aria-label": "Speed of the clock", title: "How many of its seconds pass in a second", onchange: () => move("speed", { factor: Number(speed.value) }) },
  SPEEDS.map((each) => h("option", { value: String(each), selected: each === 1 }, `× ${each}`)),
);
const freeze = button("Freeze", () => (store.clock.frozen ? move("resume") : move("freeze")), { "aria-pressed": "false" });

async function move(what, body) {
  const said = await act("POST", `clock/${what}`, body ?? {});
  if (said) store.setClock(said);
}

const advance = (text, body, title) => button(text, () => move("advance", body), { title });
put(document.getElementById("clock"), [
  shown,
  how,
  freeze,
  advance("+1 s", { seconds: 1 }, "Move the clock on by a second"),
  advance("+10 s", { seconds: 10 }, "Move the clock on by ten seconds"),
  advance("Next change", { until: "change" }, "To where a job's status changes next"),
  advance("Until idle", { until: "idle" }, "To where nothing changes any more by time alone"),
  speed,
]);

function drawClock() {
  if (!store.clock.known) return;
  const now = store.now();
  setText(shown, clockTime(now, store.clock.frozen || store.clock.virtual).slice(0, 12));
  shown.title = `${dateTime(now)} (${zone}); ${new Date(now).toISOString()}`;
  const ahead = now - Date.now();
  const words = [store.clock.virtual ? "virtual" : store.clock.frozen ? "frozen" : store.clock.speed === 1 ? "" : `× ${store.clock.speed}`];
  if (Math.abs(ahead) > 1500 && !store.clock.virtual) words.push(`${span(Math.abs(ahead))} ${ahead > 0 ? "ahead" : "behind"}`);
  setText(how, words.filter(Boolean).join(", "));
}

function drawSteering() {
  const { frozen, virtual } = store.clock;
  setText(freeze, frozen && !virtual ? "Run" : "Freeze");
  freeze.setAttribute("aria-pressed", String(frozen));
  freeze.disabled = speed.disabled = virtual;
  freeze.title = virtual ? "This clock moves only when it is moved" : frozen ? "Let the clock run" : "Stop the clock";
  const value = String(store.clock.speed);
  if (!frozen && ![...speed.options].some((each) => each.value === value)) speed.append(h("option", { value }, `× ${value}`));
  if (!frozen) speed.value = value;
  document.body.classList.toggle("frozen", frozen);
}

// The connection

const live = document.getElementById("live");
showState("wait");

function showState(state) {
  live.dataset.state = state;
  setText(live.lastChild, { live: "live", lost: "connection lost, trying again", wait: "connecting" }[state]);
  if (state === "live") for (const view of VIEWS) view.back?.();
}

// The account

field.addEventListener("input", () => {
  page.account = field.value.trim();
  sessionStorage.setItem("mock-akool account", page.account);
  for (const view of VIEWS) view.accountChanged?.();
  page.view.draw(new Set(["all"]));
});
page.account = field.value = sessionStorage.getItem("mock-akool account") ?? "";
const keys = new Refresher(
  async () => {
    const said = await get("accounts", { limit: 200 });
    replace(document.getElementById("accounts"), said.accounts.map((each) => h("option", { value: each.api_key })));
  },
  3000,
  50,
);
field.addEventListener("focus", () => keys.want(true));

// The rest of the tools

const SHORTCUTS = [
  ["1 … 6", "the views"],
  ["/", "the filter of the view"],
  ["↑ ↓, j k, Page ↑ ↓, Home, End", "through a list"],
  ["Enter", "open what is marked"],
  ["Esc", "close it, or leave a field"],
  ["f", "freeze the clock, or let it run"],
  ["n", "move the clock to the next change"],
  ["?", "this list"],
];
const keyboard = () =>
  dialog("Keyboard", h("dl", { class: "facts keys" }, SHORTCUTS.map(([key, what]) => [h("dt", null, h("kbd", null, key)), h("dd", null, what)])));

async function reset() {
  const whose = page.account || "everybody";
  const text =
    `Jobs, calls, webhooks, scenarios and spent credits of ${whose} are forgotten.` +
    (page.account ? "" : " The clock shows the machine's time again.");
  if (await confirmed("Reset the fake?", text, "Reset")) {
    await act("POST", "reset", page.account ? { account: page.account } : {}, "It is as it was at the start");
  }
}

put(document.getElementById("tools"), [
  button("Reset…", reset, { title: "Forget what happened" }),
  button("?", keyboard, { title: "Keyboard", "aria-label": "Keyboard shortcuts" }),
]);

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const writes = event.target.closest?.("input, textarea, select");
  if (event.key === "Escape") {
    if (writes) event.target.blur();
    else if (document.body.classList.contains("detailed")) page.go(page.view.name);
    return;
  }
  if (writes) return;
  const view = VIEWS[Number(event.key) - 1];
  if (view) {
    page.go(view.name);
    view.tab.focus();
  } else if (event.key === "/") page.view.filter?.focus();
  else if (event.key === "f" && !store.clock.virtual) freeze.click();
  else if (event.key === "n") move("advance", { until: "change" });
  else if (event.key === "?") keyboard();
  else return;
  event.preventDefault();
});

// Drawing

store.watch((kinds) => {
  if (kinds.has("clock")) drawSteering();
  drawClock();
  for (const view of VIEWS) {
    const text = view.count?.();
    if (text !== undefined) setText(view.badge, text);
    view.noticed?.(kinds);
  }
  page.view.draw(kinds);
});
setInterval(() => {
  if (document.hidden) return;
  drawClock();
  page.view.tick?.();
}, 100);
addEventListener("hashchange", () => location.hash === page.at || page.arrived());
page.arrived();
get("health").then(
  (said) => setText(document.getElementById("version"), said.version),
  () => {},
);
store.start(showState).catch((error) => toast(error.message, "bad"));
