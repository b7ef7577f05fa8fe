/** Part 1: files and accounts become timelines, and what each is good for. */

import { get, post, remove, timelineFile, upload } from "./api.js";
import {
  announce,
  byId,
  confirm,
  date,
  disable,
  make,
  number,
  plural,
  say,
  size,
  sync,
  tool,
  toolLink,
  words,
} from "./dom.js";

// ------------------------------------------------------------------ from a file

let limit = Infinity; // of a file's size, in bytes
const form = byId("import");
const chooser = byId("import-files");
chooser.addEventListener("change", () => take(chooser.files));
form.addEventListener("submit", (event) => event.preventDefault());

// A file that misses the box must not replace the page.
for (const name of ["dragover", "drop"])
  window.addEventListener(name, (event) => event.preventDefault());
form.addEventListener("dragover", () => form.classList.add("is-over"));
form.addEventListener("dragleave", (event) => {
  if (!form.contains(event.relatedTarget)) form.classList.remove("is-over");
});
form.addEventListener("drop", ({ dataTransfer }) => {
  form.classList.remove("is-over");
  const folder = [...dataTransfer.items]
    .map((item) => item.webkitGetAsEntry())
    .find((entry) => entry?.isDirectory);
  if (folder) say(byId("import-problem"), `${folder.name} is a folder; zip it, and drop the zip.`);
  else take(dataTransfer.files);
});

/** Imports files one after the other: the server reads one at a time. */
async function take(files) {
  if (chooser.disabled) return; // it is at work
  const chosen = [...files];
  byId("import-report").replaceChildren();
  say(byId("import-problem"), "");
  chooser.disabled = true;
  try {
    for (const file of chosen) byId("import-report").append(...report(await send(file)));
  } catch (error) {
    say(byId("import-problem"), error.message);
  }
  byId("import-progress").hidden = true;
  chooser.disabled = false;
  chooser.value = ""; // so that the same file can be chosen again
}

async function send(file) {
  if (file.size > limit)
    throw new Error(`${file.name} has ${size(file.size)}; ${size(limit)} are the most.`);
  const box = byId("import-progress");
  const bar = box.querySelector("progress");
  box.hidden = false;
  say(box.querySelector("p"), `Sending ${file.name}`);
  const onsent = (share) => {
    bar.value = share;
    if (share < 1) return;
    bar.removeAttribute("value"); // how long reading takes is not known
    say(box.querySelector("p"), `Reading ${file.name}`);
  };
  return upload(file, byId("import-author").value.trim(), onsent);
}

function report({ sources, timelines }) {
  const lines = sources.flatMap((source) => [
    `${source.name} (${source.format ?? "not recognized"}): ${plural(source.kept, "tweet")}${reasons(source.dropped)}.`,
    ...Object.entries(source.notes).map(([note, count]) => `${note}: ${number(count)}.`),
    ...source.damage.map((place) => `Not readable: ${place}`),
  ]);
  for (const { handle, tweets, added } of timelines) {
    open.add(handle);
    lines.push(`@${handle} now has ${plural(tweets, "tweet")}, ${number(added)} of them new.`);
  }
  return lines.map((line) => words("p", { class: "told" }, line));
}

const reasons = (dropped) =>
  Object.entries(dropped)
    .map(([reason, count]) => `, ${number(count)} ${reason} dropped`)
    .join("");

// ------------------------------------------------------------------ from X

byId("fetch").addEventListener("submit", async (event) => {
  event.preventDefault();
  say(byId("fetch-problem"), "");
  try {
    const { subject } = await post("fetch", { handle: byId("fetch-handle").value.trim() });
    open.add(subject);
  } catch (error) {
    say(byId("fetch-problem"), error.message);
  }
});
byId("fetch-job")
  .querySelector("button")
  .addEventListener("click", () =>
    post("job/cancel", { keep: true }).catch((error) => say(byId("fetch-problem"), error.message)),
  );

function showFetch(job, status) {
  const running = job?.state === "running" ? job : null;
  const token = status.x_token
    ? ""
    : "It needs a token from X: put it into X_BEARER_TOKEN and start the server again.";
  disable(byId("fetch-start"), token || (running ? busy(running) : ""), byId("fetch-reason"));
  const box = byId("fetch-job");
  box.hidden = job?.kind !== "fetch";
  if (box.hidden) return;
  for (const part of [box.querySelector("progress"), box.querySelector("button")])
    part.hidden = !running;
  say(
    box.querySelector("p"),
    running ? reading(job) : `@${job.subject}: ${job.message ?? job.state}`,
  );
}

function reading({ subject, progress }) {
  const read = `Reading @${subject}: ${plural(progress?.read ?? 0, "tweet")}`;
  return progress?.waiting ? `${read}, ${progress.waiting}` : read;
}

/** Why nothing else can be started. */
export function busy(job) {
  const doing = { fetch: "being read", finetune: "in training", evaluate: "being evaluated" }[
    job.kind
  ];
  return `${job.subject} is ${doing}; one thing at a time.`;
}

// ------------------------------------------------------------------ timelines

const open = new Set(); // handles whose report is shown
let isFirst = true; // then the newest one's is shown unasked

export function show({ status, job, timelines }) {
  limit = status.upload_limit;
  showFetch(job, status);
  byId("timelines-empty").hidden = timelines.length > 0;
  if (isFirst && timelines.length) {
    isFirst = false;
    if (!open.size) open.add(timelines[0].handle);
  }
  sync(byId("timelines"), timelines, ({ handle }) => handle, timelineItem);
}

function timelineItem(timeline) {
  const { handle } = timeline;
  const body = make("div", { class: "body", id: `timeline-${handle}` });
  const title = make(
    "button",
    { type: "button", class: "opener", "aria-controls": body.id },
    `@${handle}`,
  );
  const unfold = (shown) => {
    title.setAttribute("aria-expanded", shown);
    body.hidden = !shown;
    open[shown ? "add" : "delete"](handle);
    if (shown) fill(body, handle);
  };
  title.addEventListener("click", () => unfold(body.hidden));
  unfold(open.has(handle));
  return make(
    "li",
    {},
    make(
      "div",
      { class: "row" },
      make("h4", {}, title),
      make("p", { class: "facts" }, facts(timeline)),
      make(
        "div",
        { class: "tools" },
        toolLink("download", "Download", `the tweets of @${handle}`, {
          href: timelineFile(handle),
          download: "",
        }),
        tool("delete", "Delete", `the tweets of @${handle}`, () => forget(timeline)),
      ),
    ),
    body,
  );
}

function facts({ tweets, oldest, newest, bytes }) {
  const span = oldest && newest ? `${date(oldest)} to ${date(newest)}` : "without dates";
  return [plural(tweets, "tweet"), span, size(bytes)].join(" · ");
}

async function fill(body, handle) {
  try {
    const {
      report,
      problem,
      newest_tweets: newest,
    } = await get(`timelines/${encodeURIComponent(handle)}`);
    body.replaceChildren(
      ...(report ? reportOn(report) : [make("p", { class: "warning" }, problem)]),
      ...quotes(newest),
    );
  } catch (error) {
    body.replaceChildren(make("p", { class: "problem" }, error.message));
  }
}

/** Read, kept and dropped as one bar, and in words. */
function reportOn({ read, kept, train, held_out, dropped, is_small, expectation }) {
  const parts = [
    ["train", "to train on", train],
    ["held-out", "newest, held out for the score", held_out],
    ...Object.entries(dropped).map(([reason, count]) => ["dropped", `dropped: ${reason}`, count]),
  ].filter(([, , count]) => count);
  const bar = make("div", { class: "share-bar", "aria-hidden": "true" });
  for (const [kind, , count] of parts) {
    const piece = make("span", { class: kind });
    piece.style.flexGrow = count;
    bar.append(piece);
  }
  const legend = parts.map(([kind, text, count]) =>
    make("li", { class: kind }, make("b", {}, number(count)), ` ${text}`),
  );
  return [
    make(
      "p",
      { class: is_small ? "verdict warning" : "verdict" },
      `${plural(kept, "tweet")} of ${number(read)} can be used: ${expectation}.`,
    ),
    bar,
    make("ul", { class: "legend" }, ...legend),
  ];
}

function quotes(newest) {
  if (!newest.length) return [];
  const items = newest.map(({ text, created_at, kind }) =>
    make(
      "li",
      {},
      words("p", {}, text || "(no text)"),
      make("small", {}, [kind, created_at && date(created_at)].filter(Boolean).join(", ")),
    ),
  );
  return [make("h5", {}, "The newest"), make("ul", { class: "quotes" }, ...items)];
}

async function forget({ handle, tweets }) {
  const text = `${plural(tweets, "tweet")} in tweets/${handle}.jsonl will be gone. Models that learnt from them stay.`;
  if (!(await confirm(`Delete the tweets of @${handle}?`, text, "Delete the tweets"))) return;
  say(byId("timelines-problem"), "");
  try {
    await remove(`timelines/${encodeURIComponent(handle)}`);
    open.delete(handle);
    announce(`The tweets of @${handle} are deleted.`);
    byId("timelines-title").focus();
  } catch (error) {
    say(byId("timelines-problem"), error.message);
  }
}
