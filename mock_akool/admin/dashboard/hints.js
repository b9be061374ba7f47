// Hints: the client's mistakes so far, as the report has them.

import { get, Refresher } from "./api.js";
import { button, h, longText, put, replace } from "./dom.js";

// A text in which #12 leads to call 12.
function linked(text) {
  const line = h("p", { dir: "auto" });
  let at = 0;
  for (const found of text.matchAll(/#(\d{1,9})\b/g)) {
    put(line, [text.slice(at, found.index), button(found[0], () => view.page.go("calls", found[1]), { class: "link", title: "Show this call" })]);
    at = found.index + found[0].length;
  }
  return put(line, [text.slice(at)]);
}

let known = null;

const refresher = new Refresher(
  async () => {
    const said = await get("report", { account: view.page.account });
    known = said.hints;
    replace(
      view.content,
      said.hints.length
        ? h("ol", { class: "hints" }, said.hints.map((each) => h("li", null, linked(each))))
        : h("p", { class: "empty" }, said.calls ? "No mistake was seen in the client's calls." : "No call yet, so there is nothing to say."),
      h("details", null, h("summary", null, "The whole report, as a failing test shows it"), longText(said.report)),
    );
    view.badge.textContent = known.length ? String(known.length) : "";
  },
  2500,
  40,
);

export const hints = {
  name: "hints",
  title: "Hints",
  build() {
    view.content = h("div", { class: "page" });
    return view.content;
  },
  shows: undefined,
  draw(kinds) {
    if (kinds.has("all")) refresher.want(known === null);
  },
  // The badge is kept up too, but the report goes through all calls: the longer it takes, the rarer it is asked for.
  noticed(kinds) {
    if (kinds.has("calls") || kinds.has("reset") || kinds.has("webhooks")) refresher.want();
  },
  accountChanged: () => refresher.want(true),
};

const view = hints;
