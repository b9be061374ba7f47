// Elements, lists of which only the visible rows exist, and how values are written.
// All text is put into the page as text. Nothing here makes HTML of a string; the server's policy forbids it as well.

export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-") && !["list", "role", "form"].includes(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  put(element, children);
  return element;
}

export function put(element, children) {
  for (const each of [children].flat(9)) {
    if (each !== null && each !== undefined && each !== false) element.append(each);
  }
  return element;
}

// What stands in an element is drawn anew as things happen. Who is in it with the keyboard stays where they are.
export function replace(element, ...children) {
  const focused = document.activeElement;
  const isInside = focused !== element && element.contains(focused);
  const alike = () => [...element.querySelectorAll("*")].filter((each) => nameOf(each) === nameOf(focused));
  const place = isInside ? alike().indexOf(focused) : 0;
  element.replaceChildren();
  put(element, children);
  if (isInside && element.firstChild) {
    const again = alike()[place] ?? element;
    if (again === element) element.tabIndex = -1;
    again.focus({ preventScroll: true });
  }
  return element;
}

const nameOf = (each) => each.id || `${each.tagName} ${each.getAttribute("aria-label") ?? each.textContent}`;

export const button = (text, onclick, props) => h("button", { type: "button", onclick, ...props }, text);

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

// Writing values

const two = (number) => String(number).padStart(2, "0");

export function clockTime(ms, fine = true) {
  const at = new Date(ms);
  const seconds = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return fine ? `${seconds}.${String(at.getMilliseconds()).padStart(3, "0")}` : seconds;
}

export function dateTime(ms) {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clockTime(ms)}`;
}

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "local time";

export function span(ms) {
  if (ms < 0) return `-${span(-ms)}`;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} m ${two(Math.floor((ms % 60_000) / 1000))} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${two(minutes % 60)} m` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

export const short = (text, most = 200) => (text.length > most ? `${text.slice(0, most)}…` : text);

export function secret(value) {
  return value.length > 12 ? `${value.slice(0, 7)}…${value.slice(-2)}` : value.length > 4 ? `${value.slice(0, 2)}…` : "…";
}

// Long text, of which the beginning is shown

// Browsers take long to lay out a line of a million characters, so it comes in parts.
const SHOWN = 20_000;
const MORE = 80_000;

export function longText(text, props) {
  const pre = h("pre", { tabIndex: 0, dir: "auto", ...props }, text.slice(0, SHOWN));
  if (text.length <= SHOWN) return pre;
  let shown = SHOWN;
  const more = button("Show more", () => {
    pre.append(text.slice(shown, shown + MORE));
    shown += MORE;
    if (shown >= text.length) more.remove();
  });
  const all = button(`Copy all ${text.length.toLocaleString("en")} characters`, () => copy(text, "Text"));
  return [pre, h("div", { class: "actions" }, more, all)];
}

export function pretty(value) {
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

export function facts(rows) {
  const list = h("dl", { class: "facts" });
  for (const [name, value] of rows) {
    if (value !== null && value !== undefined && value !== "") put(list, [h("dt", null, name), h("dd", { dir: "auto" }, value)]);
  }
  return list;
}

export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Over plain HTTP from another machine browsers have no clipboard for pages.
    const area = h("textarea", { value: text, class: "away" });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast(`${what} copied`);
}

export function toast(text, kind = "good") {
  const box = document.getElementById("toasts");
  const note = h("div", { class: `toast ${kind}` }, text);
  // A dialog lies over all else, and what is outside of it is read to nobody.
  const top = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  if (box.parentElement !== top) top.append(box);
  box.append(note);
  while (box.childElementCount > 4) box.firstChild.remove();
  setTimeout(() => note.remove(), kind === "bad" ? 9000 : 3000);
}

// Dialogs

export function dialog(title, ...children) {
  const before = document.activeElement;
  const box = h(
    "dialog",
    { "aria-label": title },
    h("header", null, h("h2", null, title), button("Close", () => box.close(), { class: "quiet" })),
    ...children,
  );
  box.addEventListener("close", () => {
    document.body.append(document.getElementById("toasts"));
    box.remove();
    before?.focus?.();
  });
  document.body.append(box);
  box.showModal();
  return box;
}

export function confirmed(title, text, action) {
  return new Promise((decide) => {
    const box = dialog(
      title,
      h("p", null, text),
      h(
        "div",
        { class: "actions" },
        button("Cancel", () => box.close()),
        button(action, () => (decide(true), box.close()), { class: "danger" }),
      ),
    );
    box.addEventListener("close", () => decide(false));
  });
}

// A list with what is chosen in it beside or over it

export function split(list, label, close) {
  const content = h("div", { class: "content" });
  const aside = h(
    "aside",
    { class: "detail", "aria-label": label, tabIndex: -1 },
    button("✕", close, { class: "quiet close", "aria-label": "Close", title: "Close (Esc)" }),
    content,
  );
  return [h("div", { class: "split" }, list, aside), content];
}

// A list of any length: rows that are not visible do not exist.

let lists = 0;

export class List {
  // `make` returns an empty row, `fill(row, item)` writes an item into it, `key(item)` tells items apart.
  // `open(item)` shows an item, `near()` is called when the end comes into sight.
  constructor({ label, columns, kind, make, fill, key, open, near, empty }) {
    Object.assign(this, { make, fill, key, open, near });
    this.id = `list${++lists}`;
    this.items = [];
    this.rows = [];
    this.first = 0;
    this.selected = null;
    this.space = h("div", { class: "space", role: "presentation" });
    this.empty = h("p", { class: "empty" }, empty);
    this.scroller = h(
      "div",
      { class: "scroller", role: "listbox", "aria-label": label, tabIndex: 0, onkeydown: (event) => this.pressed(event) },
      this.space,
    );
    this.element = h(
      "div",
      { class: `list ${kind}` },
      h("div", { class: "row head", "aria-hidden": "true" }, columns.map((each) => h("span", { class: each[0] }, each[1]))),
      this.scroller,
      this.empty,
    );
    this.scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    this.scroller.addEventListener("click", (event) => {
      const row = event.target.closest("[role=option]");
      const item = row && this.items[this.first + this.rows.indexOf(row)];
      if (item) this.choose(item, true);
    });
    new ResizeObserver(() => {
      this.height = 0;
      this.draw();
    }).observe(this.scroller);
  }

  set(items) {
    const top = this.scroller.scrollTop;
    if (top > 4 && this.rowHeight && this.items.length) {
      // Who reads further down is not moved by what comes in at the top.
      const index = Math.floor(top / this.rowHeight);
      const anchor = this.items[Math.min(index, this.items.length - 1)];
      const key = this.key(anchor);
      for (let at = 0; at < 20_000 && at < items.length; at++) {
        const place = index + at;
        if (place < items.length && this.key(items[place]) === key) {
          this.items = items;
          this.space.style.height = `${items.length * this.rowHeight}px`;
          if (at) this.scroller.scrollTop = top + at * this.rowHeight;
          break;
        }
      }
    }
    this.items = items;
    this.draw();
  }

  measure() {
    if (this.height) return;
    this.height = this.scroller.clientHeight;
    this.rowHeight = parseFloat(getComputedStyle(this.scroller).getPropertyValue("--row")) || 34;
  }

  draw() {
    this.measure();
    if (!this.height) return;
    const { items, rowHeight, rows } = this;
    this.empty.hidden = items.length > 0;
    this.space.style.height = `${items.length * rowHeight}px`;
    const wanted = Math.min(items.length, Math.ceil(this.height / rowHeight) + 4);
    while (rows.length < wanted) {
      const row = this.make();
      row.classList.add("row");
      row.setAttribute("role", "option");
      rows.push(row);
      this.space.append(row);
    }
    while (rows.length > wanted) rows.pop().remove();
    const first = Math.max(0, Math.min(items.length - wanted, Math.floor(this.scroller.scrollTop / rowHeight) - 1));
    this.first = first;
    let active = null;
    rows.forEach((row, place) => {
      const item = items[first + place];
      const key = String(this.key(item));
      row.style.transform = `translateY(${(first + place) * rowHeight}px)`;
      setAttribute(row, "id", `${this.id}-${key}`);
      setAttribute(row, "aria-selected", String(key === this.selected));
      setAttribute(row, "aria-setsize", String(items.length));
      setAttribute(row, "aria-posinset", String(first + place + 1));
      if (key === this.selected) active = row.id;
      this.fill(row, item);
    });
    if (active) this.scroller.setAttribute("aria-activedescendant", active);
    else this.scroller.removeAttribute("aria-activedescendant");
    if (this.near && first + wanted > items.length - 40) this.near();
  }

  visible() {
    this.measure();
    const begin = Math.floor(this.scroller.scrollTop / this.rowHeight);
    return this.height ? this.items.slice(begin, begin + Math.ceil(this.height / this.rowHeight)) : [];
  }

  choose(item, opens) {
    this.selected = item === null ? null : String(this.key(item));
    this.draw();
    if (opens && item !== null) this.open(item);
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.height / this.rowHeight) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: page, PageUp: -page, Home: -1e9, End: 1e9 };
    const at = this.items.findIndex((each) => String(this.key(each)) === this.selected);
    if ((event.key === "Enter" || event.key === " ") && at >= 0) this.open(this.items[at], true);
    else if (event.key in steps && this.items.length) {
      const to = at < 0 && steps[event.key] === 1 ? 0 : Math.max(0, Math.min(this.items.length - 1, at + steps[event.key]));
      const top = to * this.rowHeight;
      if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
      else if (top + this.rowHeight > this.scroller.scrollTop + this.height) {
        this.scroller.scrollTop = top + this.rowHeight - this.height;
      }
      this.choose(this.items[to], document.body.classList.contains("detailed"));
    } else return;
    event.preventDefault();
  }
}
