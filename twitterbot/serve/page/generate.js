/** Part 3: tweets as cards, as they are written, and the ones that were kept. */

import { lines, post } from "./api.js";
import {
  announce,
  byId,
  disable,
  duration,
  make,
  number,
  offer,
  percent,
  pick,
  plural,
  say,
  tool,
  words,
} from "./dom.js";
import { save, SYNTHETIC_NOTE } from "./exports.js";
import * as kept from "./kept.js";

let written = []; // {text, novelty, model, seed}
let wanted = 0; // while writing: how many
let writing = null; // the AbortController of the running request
let status = null;

let oncount = () => {};

/** What the head of the page says of this part, and who wants to know when it changes. */
export const counts = () => ({ written: written.length, kept: kept.all().length, wanted });
export const oncounts = (listener) => {
  oncount = listener;
};

// ------------------------------------------------------------------ the form

const form = byId("write");
const inputs = {
  temperature: byId("write-temperature"),
  top_p: byId("write-top-p"),
  strength: byId("write-strength"),
  count: byId("write-count"),
};

export function show(state) {
  const models = state.checkpoints.map(({ name, kind }) => [
    name,
    kind === "base" ? `${name}, writes like everyone` : name,
  ]);
  offer(byId("write-model"), models);
  if (!status) setDefaults(state.status.defaults);
  status = state.status;
  showForm();
}

function setDefaults(defaults) {
  for (const [name, input] of Object.entries(inputs)) input.value = defaults[name];
  showNumbers();
}

function showNumbers() {
  for (const name of ["temperature", "top_p", "strength"])
    say(inputs[name].labels[0].querySelector("output"), Number(inputs[name].value).toFixed(2));
  if (!writing)
    say(
      byId("write-start"),
      inputs.count.value ? `Write ${plural(Number(inputs.count.value), "tweet")}` : "Write tweets",
    );
}

function showForm() {
  const reason = writing
    ? ""
    : byId("write-model").value
      ? ""
      : "There is no model to write with; step 2 makes one.";
  disable(byId("write-start"), reason, byId("write-reason"));
  byId("write-start").hidden = Boolean(writing);
  byId("write-stop").hidden = !writing;
  byId("results").classList.toggle("is-writing", Boolean(writing));
}

form.addEventListener("input", showNumbers);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  write();
});
byId("write-stop").addEventListener("click", () => writing?.abort());

/** Makes `name` the model to write with, and goes there. */
export function choose(name) {
  pick(byId("write-model"), name);
  form.scrollIntoView({ block: "start" });
  byId("write-prompt").focus({ preventScroll: true });
}

// ------------------------------------------------------------------ writing

function request() {
  const seed = byId("write-seed").value;
  return {
    checkpoint: byId("write-model").value,
    count: Number(inputs.count.value),
    temperature: Number(inputs.temperature.value),
    top_p: Number(inputs.top_p.value),
    strength: Number(inputs.strength.value),
    prompt: byId("write-prompt").value,
    seed: seed === "" ? null : Number(seed),
  };
}

async function write() {
  const asked = request();
  written = [];
  wanted = asked.count;
  writing = new AbortController();
  byId("cards").replaceChildren();
  say(byId("write-problem"), "");
  switchTo("written");
  tally(`Waking ${asked.checkpoint} up`);
  showForm();
  byId("write-stop").focus();
  try {
    await receive(asked);
  } catch (error) {
    if (error.name === "AbortError") tally(`Stopped after ${plural(written.length, "tweet")}.`);
    else fail(error.message);
  }
  const focused = document.activeElement === byId("write-stop");
  [writing, wanted] = [null, 0];
  showForm();
  showNumbers();
  if (focused) byId("write-start").focus();
  showCounts();
}

async function receive(asked) {
  for await (const line of lines("generate", asked, writing.signal)) {
    if (line.error) return fail(line.error);
    if (line.done) return finish(line);
    const tweet = { ...line, model: asked.checkpoint, seed: asked.seed };
    written.push(tweet);
    tally(`${written.length} of ${asked.count}`);
    if (shown() === "written") byId("cards").append(card(tweet));
    showCounts();
  }
  fail("The server broke off; the tweets so far are below.");
}

function finish({ seed, seconds, sampled, dropped }) {
  for (const tweet of written) tweet.seed = seed;
  const reasons = Object.entries(dropped)
    .map(([reason, count]) => `${reason} ${number(count)}`)
    .join(", ");
  const rest = reasons ? `; dropped of ${number(sampled)} sampled: ${reasons}` : "";
  tally(`${plural(written.length, "tweet")} in ${duration(seconds)}${rest}. Seed ${seed}.`);
  announce(`${plural(written.length, "tweet")} written.`);
  byId("tally").append(
    " ",
    make(
      "button",
      {
        type: "button",
        class: "link",
        onclick: () => {
          byId("write-seed").value = seed;
        },
      },
      "Use this seed again",
    ),
  );
}

function fail(message) {
  say(byId("write-problem"), message);
  tally(written.length ? `${plural(written.length, "tweet")} so far.` : "");
}

const tally = (text) => say(byId("tally"), text);

// ------------------------------------------------------------------ what is shown

const radios = [...document.getElementsByName("shown")];
for (const radio of radios) radio.addEventListener("change", showCards);
kept.onchange(() => (shown() === "kept" ? showCards() : showCounts()));

const shown = () => radios.find((radio) => radio.checked).value;
const visible = () => (shown() === "kept" ? kept.all() : written);

function switchTo(name) {
  for (const radio of radios) radio.checked = radio.value === name;
  showCards();
}

function showCards() {
  byId("cards").replaceChildren(...visible().map(card));
  byId("tally").hidden = shown() === "kept";
  showCounts();
}

const EMPTY = {
  written: "Nothing written yet. Choose how many, and press the button above.",
  kept: "Nothing kept yet. Keep what you like: it stays in this browser, also after a reload.",
};

function showCounts() {
  say(byId("written-count"), number(written.length));
  say(byId("kept-count"), number(kept.all().length));
  const none = !visible().length;
  byId("cards-empty").hidden = !none || (Boolean(writing) && shown() === "written");
  say(byId("cards-empty"), EMPTY[shown()]);
  for (const button of document.querySelectorAll("[data-format]")) button.hidden = none;
  oncount();
}

for (const button of document.querySelectorAll("[data-format]")) {
  button.addEventListener("click", () => save(visible(), button.dataset.format, shown()));
}
showCounts();

// ------------------------------------------------------------------ a card

function card(tweet) {
  const text = words("p", { class: "text" }, tweet.text);
  const source = make("div", { class: "source", hidden: true, "aria-live": "polite" });
  return make(
    "li",
    {},
    make(
      "article",
      { class: "card" },
      make(
        "header",
        {},
        make("strong", { class: "stamp" }, "Synthetic"),
        make("span", {}, tweet.model),
      ),
      text,
      novelty(tweet.novelty),
      make(
        "div",
        { class: "tools" },
        nearestButton(tweet, text, source),
        copyButton(tweet),
        keepButton(tweet),
      ),
      source,
    ),
  );
}

function novelty(share) {
  const bar = make("span", { class: "meter", "aria-hidden": "true" }, make("span"));
  bar.firstChild.style.inlineSize = percent(share).replace(" ", "");
  return make(
    "p",
    { class: "novelty" },
    bar,
    make("span", {}, make("b", {}, percent(share)), " new"),
  );
}

function nearestButton(tweet, text, source) {
  const button = tool("source", "Nearest source", "of this tweet", async () => {
    const opens = source.hidden;
    source.hidden = !opens;
    button.setAttribute("aria-expanded", opens);
    if (!opens) return text.replaceChildren(tweet.text);
    source.replaceChildren(make("p", { class: "hint" }, "Looking"));
    try {
      const found = await post("nearest", { checkpoint: tweet.model, text: tweet.text });
      if (source.hidden) return;
      text.replaceChildren(...marked(tweet.text, found.spans));
      source.replaceChildren(...described(found));
    } catch (error) {
      source.replaceChildren(make("p", { class: "problem" }, error.message));
    }
  });
  button.setAttribute("aria-expanded", "false");
  return button;
}

function described({ source, share, spans, source_spans }) {
  if (source == null)
    return [make("p", { class: "hint" }, "No training tweet shares anything with it.")];
  const head = `The nearest of the training tweets; the longest run in common is ${percent(share)} of the new one.`;
  return [
    make("p", { class: "hint" }, spans.length ? head : "The nearest of the training tweets."),
    words("blockquote", {}, ...marked(source, source_spans)),
  ];
}

/** `text` with [start, end) of each span marked; the server counts code points. */
function marked(text, spans) {
  const points = [...text];
  const pieces = [];
  let position = 0;
  for (const [start, end] of spans) {
    pieces.push(
      points.slice(position, start).join(""),
      make("mark", {}, points.slice(start, end).join("")),
    );
    position = end;
  }
  return [...pieces, points.slice(position).join("")];
}

function copyButton(tweet) {
  const button = tool("copy", "Copy", "this tweet", async () => {
    const done = await copy(`${tweet.text}\n${SYNTHETIC_NOTE}`);
    const text = button.lastChild.firstChild;
    text.data = done ? "Copied" : "Not copied";
    announce(
      done
        ? "Copied, with a line that says that it is synthetic."
        : "The browser does not allow copying here.",
    );
    setTimeout(() => {
      text.data = "Copy";
    }, 2000);
  });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // no clipboard but on this machine's own addresses and over https
  }
}

function keepButton(tweet) {
  const button = tool("keep", "Keep", "this tweet", () => {
    const keep = !kept.has(tweet);
    if (!kept.put(tweet, keep))
      return announce("This browser does not let the page keep anything.");
    button.setAttribute("aria-pressed", String(keep));
  });
  button.setAttribute("aria-pressed", String(kept.has(tweet)));
  return button;
}
