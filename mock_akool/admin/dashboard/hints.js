// Hints: the client's mistakes so far, as the report has them.

import { get, Refresher } from "./api.js";
import { button, h, longText, put, replace } from "./dom.js";

// A text in which #12 leads to call 12, the id of a job to the job, and what stands in backticks is code.
function linked(text) {
  const line = h("p", { dir: "auto" });
  let at = 0;
  for (const found of text.matchAll(/`([^`]+)`|#(\d{1,9})\b|\b[0-9a-f]{24}\b/g)) {
    const [said, code, number] = found;
    if (code) {
      put(line, [text.slice(at, found.index), h("code", null, code)]);
      at = found.index + said.length;
      continue;
    }
    const to = number ? () => view.page.go("calls", number) : () => view.page.go("jobs", said);
    put(line, [text.slice(at, found.index), button(said, to, { class: "link", title: number ? "Show this call" : "Show this job" })]);
    at = found.index + found[0].length;
  }
  return put(line, [text.slice(at)]);
}

let known = null;

const refresher = new Refresher(
  async () => {
    const said = await get("report", { account: view.page.account });
    known = said.hints;
    const mark = JSON.stringify(said);
    if (view.mark === mark) return;
    view.mark = mark;
    replace(
      view.found,
      said.hints.length
        ? h("ol", { class: "hint-list" }, said.hints.map((each) => h("li", null, linked(each))))
        : h("p", { class: "empty" }, said.calls ? "No mistake was seen in the client's calls." : "No call yet, so there is nothing to say."),
    );
    replace(view.report, longText(said.report));
    view.whole.hidden = false;
    view.badge.textContent = known.length ? String(known.length) : "";
  },
  2500,
  100,
);

export const hints = {
  name: "hints",
  title: "Hints",
  build() {
    view.found = h("div");
    view.report = h("div");
    view.whole = h("details", { hidden: true }, h("summary", null, "The whole report, as a failing test shows it"), view.report);
    return h("div", { class: "page" }, view.found, view.whole);
  },
  shows: undefined,
  draw(kinds) {
    if (kinds.has("all")) refresher.want(known === null);
  },
  // The badge is kept up too, but the report goes through all calls: the longer it takes, the rarer it is asked for.
  noticed(kinds) {
    if (!kinds.has("calls") && !kinds.has("reset") && !kinds.has("webhooks")) return;
    refresher.shortest = view.page.view === view ? 2500 : 10_000;
    refresher.want();
  },
  accountChanged: () => refresher.want(true),
};

const view = hints;
