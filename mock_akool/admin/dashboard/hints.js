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

// How long to wait at least before the report is asked for again, in ms, and how many times as long as it took. It goes
// through all calls. Who looks at it waits for it; the badge of a hidden one may come later.
const SHOWN = { shortest: 2500, share: 10 };
const HIDDEN = { shortest: 10_000, share: 100 };

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
  SHOWN.shortest,
  SHOWN.share,
);

function pace() {
  Object.assign(refresher, view.page.view === view ? SHOWN : HIDDEN);
}

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
    if (!kinds.has("all")) return;
    pace();
    refresher.want(known === null);
  },
  noticed(kinds) {
    if (!kinds.has("calls") && !kinds.has("reset") && !kinds.has("webhooks")) return;
    pace();
    refresher.want();
  },
  accountChanged: () => refresher.want(true),
};

const view = hints;
