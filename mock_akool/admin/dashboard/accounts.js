// Accounts: credits, bans, tokens.

import { act, get, Refresher } from "./api.js";
import { button, count, dialog, facts, h, List, replace, setAttribute, setText, short, split } from "./dom.js";

let found = [];
let shown = null;
let parts = null; // of the account that is shown

const refresher = new Refresher(
  async () => {
    const all = [];
    let offset = 0;
    while (offset !== null && all.length < 10_000) {
      const said = await get("accounts", { offset, limit: 2000 });
      all.push(...said.accounts);
      offset = said.next;
    }
    found = all.reverse();
    view.known = true;
    view.draw(new Set(["list"]));
  },
  1500,
  40,
);

const refresh = () => refresher.want(true);

async function change(what, body, done) {
  if (await act("POST", `accounts/${what}`, { account: shown, ...body }, done)) refresh();
}

function fill(row, each) {
  const [key, status, credits, spent, jobs, id] = row.children;
  setText(key, short(each.api_key, 120));
  setAttribute(status, "class", `status ${each.status === "banned" ? "failed" : "completed"}`);
  setText(status, each.status === "banned" ? "✕ banned" : "✓ active");
  setText(credits, each.credits.toLocaleString("en"));
  setText(spent, each.spent.toLocaleString("en"));
  setText(jobs, each.jobs.toLocaleString("en"));
  setText(id, each.client_id);
}

const accountShown = () => found.find((each) => each.api_key === shown);

function build() {
  const amount = h("input", { type: "number", value: "100", "aria-label": "Credits", step: "1", required: true });
  const credits = (name, done) => () => amount.reportValidity() && change("credits", { [name]: amount.valueAsNumber }, done);
  const status = h("p");
  const said = h("div");
  const ban = button("Ban", () => {
    const banned = accountShown()?.status === "banned";
    change("ban", { banned: !banned }, banned ? "Ban lifted" : "Banned");
  });
  replace(
    view.detail,
    h("h2", null, "Account ", h("code", null, short(shown, 60))),
    status,
    said,
    h(
      "div",
      { class: "actions" },
      amount,
      button("Set credits", credits("credits", "Credits set")),
      button("Add credits", credits("add", "Credits added")),
    ),
    h(
      "div",
      { class: "actions" },
      ban,
      button("Expire its tokens", () => change("expire-tokens", {}, "Its tokens have expired")),
      button("Show only this account", () => view.only(shown)),
    ),
  );
  return { key: shown, status, said, ban };
}

function drawDetail() {
  if (shown === null) return;
  const account = accountShown();
  if (!account) {
    if (view.known && parts?.key !== null) {
      parts = { key: null };
      replace(view.detail, h("h2", null, "Account ", h("code", null, short(shown, 60))), h("p", null, "There is none with this API key."));
    }
    return;
  }
  // Only what changes is drawn anew: somebody may be writing into the field.
  if (parts?.key !== shown) parts = build();
  const banned = account.status === "banned";
  setAttribute(parts.status, "class", `status big ${banned ? "failed" : "completed"}`);
  setText(parts.status, banned ? "✕ banned" : "✓ active");
  setText(parts.ban, banned ? "Lift the ban" : "Ban");
  setAttribute(parts.ban, "class", banned ? "" : "danger");
  replace(
    parts.said,
    facts([
      ["Credits", account.credits.toLocaleString("en")],
      ["Spent", account.spent.toLocaleString("en")],
      ["Jobs", count(account.jobs, "job")],
      ["clientId", h("code", null, account.client_id)],
      ["Tokens live", account.token_lifetime],
      ["Its uid", String(account.uid)],
    ]),
  );
}

function add() {
  const field = (name, label, props) => [h("label", { htmlFor: `add-${name}` }, label), h("input", { id: `add-${name}`, name, autocomplete: "off", spellcheck: false, ...props })];
  const box = dialog(
    "Add an account",
    h(
      "form",
      {
        class: "form",
        onsubmit: async (event) => {
          event.preventDefault();
          const given = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value !== ""));
          if ("credits" in given) given.credits = Number(given.credits);
          const said = await act("POST", "accounts", given, "Account added");
          if (!said) return;
          box.close();
          refresh();
          view.page.go("accounts", said.api_key);
        },
      },
      field("api_key", "API key, which is the clientSecret", { required: true }),
      field("client_id", "clientId, or nothing for one that is made up"),
      field("credits", "Credits, or nothing for as many as usual", { type: "number", min: 0 }),
      h("div", { class: "actions" }, button("Add", null, { type: "submit", class: "main" })),
    ),
  );
}

export const accounts = {
  name: "accounts",
  title: "Accounts",
  build() {
    view.filter = h("input", { type: "search", placeholder: "Filter by key or clientId", "aria-label": "Filter accounts", oninput: () => view.draw(new Set(["list"])), spellcheck: false });
    const columns = [["key", "API key"], ["status", "Status"], ["credits", "Credits"], ["spent", "Spent"], ["jobs", "Jobs"], ["id", "clientId"]];
    view.list = new List({
      label: "Accounts, newest first",
      kind: "accounts",
      columns,
      make: () => h("div", null, columns.map(([name]) => h("span", { class: name }))),
      fill,
      key: (each) => each.api_key,
      open: (each) => view.page.go("accounts", each.api_key),
      empty: "No account yet. A client makes one by its first request, with any API key.",
    });
    const [element, detail] = split(view.list.element, "The account", () => view.page.go("accounts"));
    view.detail = detail;
    return [h("div", { class: "filters" }, view.filter, button("Add an account…", add)), element];
  },
  shows(key) {
    shown = key;
    parts = null;
    view.list.selected = key;
    if (key === null) replace(view.detail);
    drawDetail();
  },
  draw(kinds) {
    if (kinds.has("all") || kinds.has("jobs") || kinds.has("calls") || kinds.has("reset")) refresher.want(kinds.has("all"));
    if (kinds.has("all") || kinds.has("list")) {
      const text = view.filter.value.trim().toLowerCase();
      view.list.set(found.filter((each) => !text || `${each.api_key} ${each.client_id}`.toLowerCase().includes(text)));
    }
    drawDetail();
  },
  only() {},
};

const view = accounts;
