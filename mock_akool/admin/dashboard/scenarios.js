// Scenarios: the library, what is active, and an editor whose text the server checks while one types.

import { act, ask, get, Refresher } from "./api.js";
import { button, confirmed, count, h, put, replace, setText, short, toast } from "./dom.js";

let library = null;
let active = { scenarios: [], rules: [], webhooks: [], job_scripts: 0 };

const whose = () => (view.page.account ? { account: view.page.account } : {});

async function load() {
  library ??= (await get("scenario/library")).scenarios;
  show(await get("scenario", whose()));
}

const refresher = new Refresher(load, 1500, 40);

function show(said) {
  active = said;
  setText(view.badge, active.scenarios.length + active.rules.length ? String(active.scenarios.length || active.rules.length) : "");
  setText(view.whom, view.page.account ? `for the account ${short(view.page.account, 60)}` : "for everybody");
  drawActive();
  drawCards();
}

// Other scenarios than now; what was added besides is lost by it, so it is asked for first.
async function activate(list, done) {
  const lost = [];
  const rules = active.rules.filter((each) => each.number !== null).length;
  const faults = active.webhooks.filter((each) => ["admin", "python"].includes(each.label)).length;
  if (rules) lost.push(count(rules, "added rule"));
  if (faults) lost.push(count(faults, "added webhook fault"));
  if (active.job_scripts) lost.push(count(active.job_scripts, "job script"));
  if (lost.length && !(await confirmed("Change the scenarios?", `That also removes ${lost.join(", ")}.`, "Change them"))) {
    show(active);
    return null;
  }
  const said = list.length
    ? await act("PUT", "scenario", { ...whose(), scenario: list }, done)
    : await ask("DELETE", "scenario", { query: whose() }).then(
        (found) => (toast(done), found),
        (error) => (toast(error.message, "bad"), null),
      );
  show(said ?? active);
  return said;
}

const asGiven = (each) => (each.name && library.some((one) => one.name === each.name) ? each.name : each);

function drawCards() {
  const on = new Set(active.scenarios.map((each) => each.name));
  const text = view.filter.value.trim().toLowerCase();
  const wanted = library.filter((each) => !text || `${each.name} ${each.description} ${each.advice}`.toLowerCase().includes(text));
  const mark = JSON.stringify([wanted.map((each) => each.name), [...on], view.page.account]);
  if (view.cards.mark === mark) return;
  view.cards.mark = mark;
  replace(
    view.cards,
    wanted.map((each) => {
      const isOn = on.has(each.name);
      return h(
        "li",
        { class: isOn ? "card on" : "card" },
        h(
          "div",
          { class: "top" },
          h("h3", { id: `name-${each.name}` }, each.name),
          h(
            "button",
            {
              type: "button",
              class: "switch",
              role: "switch",
              id: `switch-${each.name}`,
              "aria-checked": String(isOn),
              "aria-labelledby": `name-${each.name}`,
              onclick: () => {
                const others = active.scenarios.filter((one) => one.name !== each.name).map(asGiven);
                activate(isOn ? others : [...others, each.name], isOn ? `${each.name} is off` : `${each.name} is on`);
              },
            },
            isOn ? "on" : "off",
          ),
        ),
        h("p", null, each.description),
        h("p", { class: "advice" }, h("b", null, "A robust client: "), each.advice),
        button("Edit a copy", () => edit(each.name), { class: "link", "aria-label": `Edit a copy of ${each.name}` }),
      );
    }),
    wanted.length ? null : h("li", { class: "empty" }, "No scenario has this text."),
  );
}

function ruleText(rule) {
  const { on, name, fault, ...rest } = rule;
  const words = Object.entries(rest).map(([key, value]) => `${key} ${typeof value === "object" ? JSON.stringify(value) : value}`);
  return `${name ? `${name}: ` : ""}${Array.isArray(on) ? on.join(", ") : on}${words.length ? `, ${words.join(", ")}` : ""} → ${JSON.stringify(fault)}`;
}

function drawActive() {
  const { scenarios, rules, webhooks, job_scripts: scripts } = active;
  const mark = JSON.stringify(active);
  if (view.active.mark === mark) return;
  view.active.mark = mark;
  const nothing = !scenarios.length && !rules.length && !webhooks.length && !scripts;
  replace(
    view.active,
    nothing ? h("p", { class: "note" }, "Nothing: the fake does what the real API does when nothing goes wrong.") : null,
    scenarios.length
      ? h(
          "p",
          { class: "chips" },
          scenarios.map((each) =>
            h(
              "span",
              { class: "chip" },
              each.name || "without a name",
              button("✕", () => activate(scenarios.filter((one) => one !== each).map(asGiven), `${each.name || "The scenario"} is off`), { class: "quiet", "aria-label": `Switch off ${each.name || "the scenario without a name"}` }),
            ),
          ),
          button("All off", () => activate([], "Nothing is active"), { class: "quiet" }),
        )
      : nothing
        ? null
        : button("Remove all", () => activate([], "Nothing is active"), { class: "quiet" }),
    rules.length
      ? h(
          "table",
          { class: "stages rules" },
          h("thead", null, h("tr", null, ["Rule", "From", "Fired", ""].map((text) => h("th", { scope: "col" }, text || h("span", { class: "away" }, "Remove"))))),
          h(
            "tbody",
            null,
            rules.map((each) =>
              h(
                "tr",
                null,
                h("td", { dir: "auto" }, short(ruleText(each.rule), 400)),
                h("td", { dir: "auto" }, short(each.label, 120)),
                h("td", { class: each.fired ? "number fired" : "number" }, `${each.fired} ×`),
                h("td", null, each.number === null ? null : button("Remove", () => removeRule(each.number), { class: "quiet", "aria-label": `Remove rule ${each.number}` })),
              ),
            ),
          ),
        )
      : null,
    webhooks.length
      ? h(
          "table",
          { class: "stages rules" },
          h("thead", null, h("tr", null, ["Webhooks", "From", "Applied"].map((text) => h("th", { scope: "col" }, text)))),
          h("tbody", null, webhooks.map((each) => h("tr", null, h("td", null, short(JSON.stringify(each.rule), 400)), h("td", null, short(each.label, 120)), h("td", { class: "number" }, `${each.applied} ×`)))),
        )
      : null,
    scripts ? h("p", null, `${count(scripts, "of the next job")} ${scripts === 1 ? "is" : "are"} scripted.`.replace("of the next job ", "next job ")) : null,
  );
}

async function removeRule(number) {
  try {
    await ask("DELETE", "scenario/rules", { query: { rule: number, ...whose() } });
    toast("Rule removed");
  } catch (error) {
    toast(error.message, "bad");
  }
  refresher.want(true);
}

// The editor

let checked = { text: null, mistakes: [], scenario: null };
let timer = 0;

function typed() {
  clearTimeout(timer);
  drawLines();
  timer = setTimeout(check, 200);
}

async function check() {
  const text = view.editor.value;
  if (checked.text === text) return checked;
  try {
    const said = await ask("POST", "scenario/check", { body: { text } });
    if (view.editor.value !== text) return checked;
    checked = { text, ...said };
  } catch (error) {
    checked = { text: null, mistakes: [{ line: null, place: "", error: error.message, hint: "" }], scenario: null };
  }
  drawLines();
  drawMistakes();
  return checked;
}

function drawLines() {
  const lines = view.editor.value.split("\n").length;
  const wrong = new Set(checked.text === view.editor.value ? checked.mistakes.map((each) => each.line) : []);
  const mark = `${lines} ${[...wrong]}`;
  if (view.gutter.mark !== mark) {
    view.gutter.mark = mark;
    const numbers = [];
    for (let line = 1; line <= Math.min(lines, 3000); line++) numbers.push(h("span", { class: wrong.has(line) ? "wrong" : "" }, wrong.has(line) ? `✕ ${line}` : String(line)));
    replace(view.gutter, numbers);
  }
  view.gutter.scrollTop = view.editor.scrollTop;
}

function drawMistakes() {
  const { mistakes, scenario } = checked;
  view.editor.setAttribute("aria-invalid", String(mistakes.length > 0));
  view.use.disabled = view.addRules.disabled = mistakes.length > 0;
  view.addRules.disabled ||= !scenario?.rules?.length;
  replace(
    view.mistakes,
    mistakes.length
      ? mistakes.slice(0, 50).map((each) =>
          h(
            "li",
            null,
            each.line === null ? null : button(`Line ${each.line}`, () => goTo(each.line), { class: "link" }),
            h("span", { dir: "auto" }, ` ${each.place ? `${each.place}: ` : ""}${each.error}${each.hint ? `; ${each.hint}` : ""}`),
          ),
        )
      : h("li", { class: "good" }, "✓ valid"),
  );
}

function goTo(line) {
  const lines = view.editor.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  view.editor.focus();
  view.editor.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  view.editor.scrollTop = Math.max(0, (line - 4) * parseFloat(getComputedStyle(view.editor).lineHeight));
}

export async function edit(name) {
  try {
    write((await get(`scenario/library/${encodeURIComponent(name)}`)).text);
  } catch (error) {
    toast(error.message, "bad");
  }
}

export function write(text) {
  view.editor.value = text;
  view.box.open = true;
  view.page.go("scenarios");
  view.box.scrollIntoView({ block: "start" });
  view.editor.focus();
  drawLines();
  check();
}

async function use() {
  const { scenario } = await check();
  if (scenario) await activate([...active.scenarios.map(asGiven), { name: "edited", scenario }], "It is active");
}

async function addRules() {
  const { scenario } = await check();
  if (scenario?.rules?.length && (await act("POST", "scenario/rules", { ...whose(), rules: scenario.rules }, `${count(scenario.rules.length, "rule")} added`))) refresher.want(true);
}

const BEGINNING = `description: Each second poll of a job is answered with HTTP 502.
rules:
  - on: poll
    every: 2
    per: job
    fault: {http: 502}
`;

export const scenarios = {
  name: "scenarios",
  title: "Scenarios",
  build() {
    view.whom = h("span", null, "for everybody");
    view.active = h("div", { class: "active" });
    view.cards = h("ul", { class: "cards" });
    view.filter = h("input", { type: "search", placeholder: "Filter scenarios", "aria-label": "Filter scenarios", oninput: () => library && drawCards() });
    view.gutter = h("div", { class: "gutter", "aria-hidden": "true" });
    view.mistakes = h("ul", { class: "mistakes" });
    view.editor = h("textarea", {
      class: "code",
      "aria-label": "Scenario, as YAML",
      spellcheck: false,
      wrap: "off",
      value: BEGINNING,
      oninput: typed,
      onscroll: () => (view.gutter.scrollTop = view.editor.scrollTop),
    });
    view.use = button("Make it active", use, { class: "main", title: "Besides what is active" });
    view.addRules = button("Add its rules only", addRules, { title: "They go before those of scenarios" });
    view.box = h(
      "details",
      { class: "editor", ontoggle: () => view.box.open && (drawLines(), check()) },
      h("summary", null, "Write one"),
      h("div", { class: "write" }, view.gutter, view.editor),
      h("div", { role: "status", "aria-label": "What the server says of it" }, view.mistakes),
      h("div", { class: "actions" }, view.use, view.addRules),
    );
    return h(
      "div",
      { class: "page" },
      h("h2", null, "Active ", view.whom),
      view.active,
      view.box,
      put(h("div", { class: "title" }), [h("h2", null, "Library"), view.filter]),
      view.cards,
    );
  },
  draw(kinds) {
    if (kinds.has("all") || kinds.has("calls") || kinds.has("reset") || kinds.has("webhooks")) refresher.want(kinds.has("all"));
  },
  noticed(kinds) {
    if (kinds.has("reset")) refresher.want(true);
  },
  back: () => refresher.want(true),
  accountChanged: () => refresher.want(true),
};

const view = scenarios;
