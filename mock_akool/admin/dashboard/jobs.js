// Jobs: newest first, each with its life as a bar, and what can be done with it.

import { act, file, get } from "./api.js";
import { button, clockTime, confirmed, copy, count, dateTime, dialog, facts, h, List, longText, pretty, put, replace, setAttribute, setText, short, span, split } from "./dom.js";
import { attempts, deliveryLine } from "./webhooks.js";
import { askedFor, clock, isMoving, jobs as store, lifeOf, now, olderJobs, seekJob, statusOf, webhooks } from "./store.js";

export const SIGNS = { queueing: "◔", processing: "◑", completed: "✓", failed: "✕" };
const NS = 1e6;

// Files: fetched by the admin API, so that looking at them is no download of the client

const thumbs = new Map(); // by job: null while it is asked for, else {kind, url}
const queue = [];
let fetching = 0;

const kindOf = (type) => (type.startsWith("image/") ? "image" : type.startsWith("video/") ? "video" : type.startsWith("audio/") ? "audio" : "text");
const GLYPHS = { video: "▶", audio: "♪", text: "≡" };

const path = (id) => `jobs/${encodeURIComponent(id)}`;

async function loadThumb(id) {
  let found = { kind: "none" };
  try {
    const { files } = await get(`${path(id)}/files`);
    if (files.length) {
      found = { kind: kindOf(files[0].type) };
      if (found.kind === "image") found.url = URL.createObjectURL(await small(await file(`${path(id)}/files/1`)));
    }
  } catch {
    found = { kind: "none" };
  }
  thumbs.set(id, found);
}

async function small(blob) {
  const bitmap = await createImageBitmap(blob, { resizeHeight: 72, resizeQuality: "medium" });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.8 });
}

// Only what is looked at for a while is fetched, two at a time: the server has other things to do.
function wantThumbs() {
  const ms = now();
  const visible = new Set(view.list.visible().filter((each) => statusOf(each, ms) === "completed").map((each) => each._id));
  queue.splice(0, queue.length, ...[...visible].filter((id) => !thumbs.has(id)));
  while (fetching < 2 && queue.length) {
    const id = queue.shift();
    thumbs.set(id, null);
    fetching += 1;
    loadThumb(id).finally(() => {
      fetching -= 1;
      if (thumbs.size > 500) forgetThumb(thumbs.keys().next().value);
      view.list.draw();
      if (queue.length) wantThumbs();
    });
  }
}

function forgetThumb(id) {
  const thumb = thumbs.get(id);
  if (thumb?.url) URL.revokeObjectURL(thumb.url);
  thumbs.delete(id);
}

async function openFile(job, number, type, url) {
  const kind = kindOf(type);
  const blob = await file(`${path(job._id)}/files/${number}`).catch(() => null);
  if (!blob) return;
  const local = URL.createObjectURL(blob);
  const shown =
    kind === "image"
      ? h("img", { src: local, alt: `File ${number} of job ${job._id}` })
      : kind === "text"
        ? longText(await blob.text())
        : h(kind, { src: local, controls: true, autoplay: true, "aria-label": `File ${number} of job ${job._id}` });
  const box = dialog(`File ${number} of job ${job._id}`, h("div", { class: "media" }, shown), h("p", { class: "note" }, `${type}, ${count(blob.size, "byte")}; the client finds it at `, h("code", null, url)));
  box.classList.add("wide");
  box.addEventListener("close", () => URL.revokeObjectURL(local));
}

// The bar of a life

function bar(row, job, ms) {
  const life = (job.life ??= lifeOf(job));
  const holder = row;
  if (holder.shown !== life) {
    holder.shown = life;
    const timed = life.stages.reduce((sum, each) => sum + (each.span.ms ?? 0), 0) || 1;
    replace(
      holder,
      life.stages.map((stage) => {
        const fill = h("i");
        const part = h("span", { class: `part ${stage.status}` }, fill);
        part.style.flexGrow = String(stage.span.ms === undefined ? 0.5 : Math.max(0.12, stage.span.ms / timed));
        if (stage.span.ms === undefined) part.classList.add(stage.span.forever ? "forever" : "polls");
        return part;
      }),
      h("span", { class: `end ${life.ending}` }, life.stages.some((each) => each.span.forever) ? "∞" : SIGNS[life.ending]),
    );
  }
  life.stages.forEach((stage, place) => {
    let share = 0;
    if (stage.at !== null && ms >= stage.at) {
      if (stage.span.ms !== undefined) share = Math.min(1, (ms - stage.at) / stage.span.ms);
      else if (stage.until !== null && ms >= stage.until) share = 1;
      else share = stage.span.forever ? 0.5 : stage.polled / stage.span.polls;
    }
    const fill = holder.children[place].firstChild;
    const value = `scaleX(${share.toFixed(3)})`;
    if (fill.style.transform !== value) fill.style.transform = value;
  });
  holder.lastChild.classList.toggle("there", life.ends !== null && ms >= life.ends);
}

function statusWords(job, ms) {
  const life = (job.life ??= lifeOf(job));
  const status = statusOf(job, ms);
  if (life.ends !== null && ms >= life.ends) return [status, ""];
  const stage = life.stages.findLast((each) => each.at !== null && each.at <= ms);
  if (!stage) return [status, ""];
  if (stage.span.forever) return [status, "forever"];
  if (stage.span.polls !== undefined) return [status, `${stage.polled} of ${count(stage.span.polls, "poll")}`];
  return [status, `${span(Math.max(0, stage.at + stage.span.ms - ms))} left`];
}

function fill(row, job) {
  const ms = now();
  const [thumb, status, life, what, family, cost, account, time] = row.children;
  const [word, more] = statusWords(job, ms);
  setAttribute(status, "class", `status ${word}`);
  setText(status.firstChild, `${SIGNS[word] ?? "?"} `);
  setText(status.children[1], word);
  setText(status.children[2], more ? ` ${more}` : "");
  bar(life, job, ms);
  setText(what, (job.said ??= askedFor(job)));
  setText(family, job.family);
  setText(cost, String(job.cost));
  setText(account, short(job.account, 60));
  setText(time, clockTime(job.created_ns / NS));
  const known = thumbs.get(job._id);
  const url = known?.url ?? "";
  if (thumb.url !== url) {
    thumb.url = url;
    replace(thumb, url ? h("img", { src: url, alt: "" }) : null);
  }
  if (!url) setText(thumb, GLYPHS[known?.kind] ?? "");
}

// One job

async function showFiles(holder, job) {
  const { files } = await get(`${path(job._id)}/files`).catch(() => ({ files: [] }));
  replace(
    holder,
    files.map((each) => {
      const one = button(GLYPHS[kindOf(each.type)] ?? "", () => openFile(job, each.number, each.type, each.url), {
        class: "file",
        "aria-label": `Open file ${each.number}, ${each.type}`,
        title: each.url,
      });
      if (kindOf(each.type) === "image") {
        file(`${path(job._id)}/files/${each.number}`).then(small).then(
          (blob) => {
            const url = URL.createObjectURL(blob);
            one.append(h("img", { src: url, alt: "", onload: () => URL.revokeObjectURL(url) }));
          },
          () => setText(one, "?"),
        );
      }
      return one;
    }),
    files.length ? null : h("p", { class: "note" }, "There are none now."),
  );
}

function stagesTable(job) {
  const life = (job.life ??= lifeOf(job));
  return h(
    "table",
    { class: "stages" },
    h("tbody", null, [
      ...life.stages.map((each) =>
        h("tr", null, h("th", { scope: "row" }, `${SIGNS[each.status]} ${each.status}`), h("td", null, each.text), h("td", null, each.at === null ? "" : `from ${clockTime(each.at)}`)),
      ),
      h("tr", null, h("th", { scope: "row" }, `${SIGNS[life.ending]} ${life.ending}`), h("td", null, endingReasons(job)), h("td", null, life.ends === null ? "when it gets there" : `from ${clockTime(life.ends)}`)),
    ]),
  );
}

function endingReasons(job) {
  const last = job.stages.at(-1);
  const said = typeof last === "object" ? last.failed : null;
  const reasons = Array.isArray(said) ? said : (said?.reasons ?? []);
  return h("span", { dir: "auto" }, reasons.join("; "));
}

function steer(job) {
  const reasons = h("input", { placeholder: "reasons, separated by ;", "aria-label": "Reasons of the failure", spellcheck: false });
  const done = (what) => act("POST", `${path(job._id)}/${what}`, {}, `Job ${what === "stall" ? "stalled" : "completed"}`);
  return [
    h(
      "div",
      { class: "actions" },
      button("Complete", () => done("complete")),
      button("Stall", () => done("stall"), { title: "It stays at its present status forever" }),
      button("Delete", async () => {
        if (await confirmed("Delete the job?", "Its credits stay spent, and polls find no such job.", "Delete")) {
          if (await act("DELETE", path(job._id), undefined, "Job deleted")) view.page.go("jobs");
        }
      }, { class: "danger" }),
    ),
    h(
      "form",
      {
        class: "actions",
        onsubmit: (event) => {
          event.preventDefault();
          const said = reasons.value.split(";").map((each) => each.trim()).filter(Boolean);
          act("POST", `${path(job._id)}/fail`, { reasons: said }, "Job failed");
        },
      },
      reasons,
      button("Fail", null, { type: "submit" }),
    ),
  ];
}

function showWebhooks(holder, job) {
  const own = webhooks.list.filter((each) => each.job === job._id);
  const mark = own.map((each) => `${each.number}${each.state}${each.attempts.length}`).join();
  if (holder.mark === mark) return;
  holder.mark = mark;
  replace(
    holder,
    own.length ? null : h("p", { class: "note" }, "None was sent."),
    own.map((each) =>
      h(
        "div",
        { class: "line" },
        button(deliveryLine(each), () => view.page.go("webhooks", each.number), { class: "link" }),
        h("span", { class: "note" }, attempts(each)),
        button("Resend", () => act("POST", "webhooks/resend", { number: each.number, account: each.account }, "Sent again"), { "aria-label": `Resend webhook ${each.number}` }),
      ),
    ),
  );
}

const shownOf = { id: null, mark: null, parts: null };

function drawDetail() {
  const { id } = shownOf;
  if (id === null) return;
  const job = store.byId.get(id);
  if (!job) {
    // It may be older than the list.
    if (shownOf.mark !== "gone") load(id);
    shownOf.mark = "gone";
    return;
  }
  const ms = now();
  const status = statusOf(job, ms);
  const mark = `${id} ${JSON.stringify(job.stages)} ${job.polls_ns.length} ${job.deleted_ns}`;
  if (shownOf.mark !== mark) {
    const sameJob = shownOf.parts?.id === id;
    shownOf.mark = mark;
    if (!sameJob) {
      const parts = { id, status: h("p", { class: "status big" }), life: h("div", { class: "bar big", "aria-hidden": "true" }), stages: h("div"), files: h("div", { class: "files" }), webhooks: h("div"), had: "" };
      shownOf.parts = parts;
      replace(
        view.detail,
        h("h2", null, "Job ", h("code", null, id), button("Copy", () => copy(id, "Id"), { class: "quiet", "aria-label": "Copy the job's id" })),
        parts.status,
        parts.life,
        parts.stages,
        steer(job),
        h("h3", null, "Files"),
        parts.files,
        h("h3", null, "What was asked for"),
        longText(pretty(job.request)),
        facts([
          ["Endpoint", job.endpoint],
          ["Family", job.family],
          ["Account", h("code", null, short(job.account, 100))],
          ["Cost", count(job.cost, "credit")],
          ["Created", dateTime(job.created_ns / NS)],
          ["Continues", job.parent && button(job.parent, () => view.page.go("jobs", job.parent), { class: "link" })],
          ["Buttons pressed", job.used_buttons.join(", ")],
          ["Follows", job.job_script],
          ["Result", job.result && JSON.stringify(job.result)],
          ["Deleted by the client", job.deleted_ns && dateTime(job.deleted_ns / NS)],
        ]),
        h("h3", null, "Webhooks"),
        parts.webhooks,
        h("p", null, button("Its calls", () => view.callsOf(id), { class: "link" })),
      );
    }
    replace(shownOf.parts.stages, stagesTable(job));
  }
  const { parts } = shownOf;
  const [word, more] = statusWords(job, ms);
  setAttribute(parts.status, "class", `status big ${word}`);
  setText(parts.status, `${SIGNS[word]} ${word}${more ? `, ${more}` : ""}`);
  bar(parts.life, job, ms);
  showWebhooks(parts.webhooks, job);
  if (parts.had !== status) {
    parts.had = status;
    showFiles(parts.files, job);
  }
}

async function load(id) {
  const job = await seekJob(id).catch(() => null);
  if (shownOf.id !== id) return;
  if (job) drawDetail();
  else replace(view.detail, h("h2", null, "Job ", h("code", null, short(id, 60))), h("p", null, "It is not here: it was deleted, or the fake was reset, or there never was one."));
}

// The view

const STATUSES = ["queueing", "processing", "completed", "failed"];

export const jobs = {
  name: "jobs",
  title: "Jobs",
  build() {
    const option = (value, text = value) => h("option", { value }, text);
    const filtered = () => view.draw(new Set(["all"]));
    view.status = h("select", { "aria-label": "Status", onchange: filtered }, option("", "any status"), STATUSES.map((each) => option(each)));
    view.family = h("select", { "aria-label": "Family", onchange: filtered }, option("", "any family"));
    view.filter = h("input", { type: "search", placeholder: "Filter by text or id", "aria-label": "Filter jobs", oninput: filtered, spellcheck: false });
    view.found = h("span", { class: "note", role: "status" });
    view.families = new Set();
    view.list = new List({
      label: "Jobs, newest first",
      kind: "jobs",
      columns: [["thumb", ""], ["status", "Status"], ["bar", "Life"], ["what", "Asked for"], ["family", "Family"], ["cost", "Credits"], ["account", "Account"], ["time", "Created"]],
      make: () =>
        h(
          "div",
          null,
          h("span", { class: "thumb" }),
          h("span", { class: "status" }, h("i", { "aria-hidden": "true" }), h("b"), h("small")),
          h("span", { class: "bar", "aria-hidden": "true" }),
          h("span", { class: "what", dir: "auto" }),
          h("span", { class: "family" }),
          h("span", { class: "cost" }),
          h("span", { class: "account" }),
          h("span", { class: "time" }),
        ),
      fill,
      key: (job) => job._id,
      open: (job) => view.page.go("jobs", job._id),
      near: olderJobs,
      empty: "No job yet. Let a client create one, or POST /_mock/jobs.",
    });
    const [element, detail] = split(view.list.element, "The job", () => view.page.go("jobs"));
    view.detail = detail;
    setInterval(wantThumbs, 700);
    return [h("div", { class: "filters" }, view.filter, view.status, view.family, view.found), element];
  },
  shows(id) {
    if (shownOf.id !== id) Object.assign(shownOf, { id, mark: null, parts: null });
    if (id === null) replace(view.detail);
    view.list.selected = id;
    drawDetail();
  },
  count: () => (store.total ? store.total.toLocaleString("en") : ""),
  isFiltered: () => Boolean(view.page.account || view.status.value || view.family.value || view.filter.value.trim()),
  matching() {
    const ms = now();
    const account = view.page.account;
    const status = view.status.value;
    const family = view.family.value;
    const text = view.filter.value.trim().toLowerCase();
    const found = [];
    for (let at = store.list.length - 1; at >= 0; at--) {
      const job = store.list[at];
      if (account && job.account !== account) continue;
      if (family && job.family !== family) continue;
      if (status && statusOf(job, ms) !== status) continue;
      if (text && !(job.text ??= JSON.stringify([job._id, job.endpoint, job.account, job.request, job.origin?.prompt]).slice(0, 4000).toLowerCase()).includes(text)) continue;
      found.push(job);
    }
    return found;
  },
  draw(kinds) {
    if (kinds.has("jobs") || kinds.has("all")) {
      for (const each of store.list) view.families.add(each.family);
      if (view.family.options.length - 1 !== view.families.size) {
        const chosen = view.family.value;
        replace(view.family, h("option", { value: "" }, "any family"), [...view.families].sort().map((each) => h("option", { value: each }, each)));
        view.family.value = chosen;
      }
    }
    if (kinds.has("jobs") || kinds.has("all") || kinds.has("clock")) {
      const found = view.matching();
      view.filtered = performance.now();
      view.list.set(found);
      const isFiltered = view.isFiltered();
      setText(view.found, isFiltered ? `${found.length.toLocaleString("en")} of ${count(store.list.length, "job")}${store.older ? ` of ${store.total.toLocaleString("en")}` : ""}` : "");
      if (isFiltered) olderJobs(); // what is filtered for may be among the older ones
    }
    drawDetail();
  },
  // As time goes on: only what moves, and where a status is filtered for, who has it.
  tick() {
    if (!clock.speed && !clock.virtual) return;
    const ms = now();
    if (view.status.value) {
      // Also those that are not visible now may have the status by and by.
      if (performance.now() - view.filtered > 400) view.draw(new Set(["all"]));
    } else if (view.list.visible().some((each) => isMoving(each, ms) || each.wasMoving)) {
      for (const each of view.list.visible()) each.wasMoving = isMoving(each, ms);
      view.list.draw();
    }
    drawDetail();
  },
  callsOf() {},
};

const view = jobs;
