/** Elements, and how numbers, times and people's words are shown. */

export const byId = (id) => document.getElementById(id);

/**
 * Builds an element: attributes by name, listeners as `onclick` and the like.
 * Children that are strings become text, never markup.
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else if (value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** Builds an SVG element. */
export function makeSvg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const icon = (name) =>
  makeSvg(
    "svg",
    { class: "icon", "aria-hidden": "true" },
    makeSvg("use", { href: `#icon-${name}` }),
  );

/** What only a screen reader says, such as which of the rows a button belongs to. */
export const unseen = (text) => make("span", { class: "unseen" }, ` ${text}`);

/** A small button with an icon; `about` completes its text for a screen reader. */
export const tool = (name, text, about, onclick) =>
  make(
    "button",
    { type: "button", class: "button quiet", onclick },
    icon(name),
    make("span", {}, text, unseen(about)),
  );

/** A link that looks like `tool`'s buttons. */
export const toolLink = (name, text, about, attributes) =>
  make(
    "a",
    { class: "button quiet", ...attributes },
    icon(name),
    make("span", {}, text, unseen(about)),
  );

/** Text from tweets: any script, direction by its first letter. */
export const words = (tag, attributes, ...children) =>
  make(tag, { dir: "auto", ...attributes }, ...children);

/**
 * Brings a list in line with `items`; what has not changed keeps its element, and with it
 * the reader's focus and what is open in it.
 */
export function sync(list, items, key, create) {
  const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const children = items.map((item) => {
    const state = JSON.stringify(item);
    const before = old.get(key(item));
    if (before?.dataset.state === state) return before;
    const element = create(item, before);
    Object.assign(element.dataset, { key: key(item), state });
    return element;
  });
  const same =
    children.length === list.children.length &&
    children.every((child, i) => child === list.children[i]);
  if (!same) list.replaceChildren(...children);
}

/** Offers `choices`, [value, text] pairs, in a select: the first, until the reader picks one. */
export function offer(select, choices) {
  const state = JSON.stringify(choices);
  if (select.dataset.state === state) return;
  select.dataset.state = state;
  select.replaceChildren(...choices.map(([value, text]) => make("option", { value }, text)));
  const picked = choices.some(([value]) => value === select.dataset.picked);
  select.value = picked ? select.dataset.picked : (choices[0]?.[0] ?? "");
}

/** Picks a value in a select for the reader. */
export function pick(select, value) {
  select.value = select.dataset.picked = value;
}

document.addEventListener("change", ({ target }) => {
  if (target instanceof HTMLSelectElement) target.dataset.picked = target.value;
});

/** Shows or hides the one sentence beside what it is about. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A polite word to screen readers on what is otherwise only seen. */
export const announce = (text) => say(byId("announcer"), text);

/** A disabled button says why, in the sentence beside it. */
export function disable(button, reason, sentence) {
  button.disabled = Boolean(reason);
  say(sentence, reason || "");
}

/** Asks before something is lost; resolves to true for yes. */
export function confirm(title, text, yes, no = "Keep it") {
  const dialog = byId("confirm");
  say(byId("confirm-title"), title);
  say(byId("confirm-text"), text);
  say(byId("confirm-yes"), yes);
  say(byId("confirm-no"), no);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

export const number = (value) => value.toLocaleString("en");
export const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
export const score = (value) => value?.toFixed(3) ?? "–";
export const percent = (share) => `${Math.round(share * 100)} %`;

/** "25.6 % better than the base", of a score in bits per character and that of its parent. */
export function gain(after, before, parent) {
  const share = (1 - after / before) * 100;
  const than = !parent || parent === "base" ? "the base" : parent;
  return `${share > 0 ? `${share.toFixed(1)} %` : "no"} better than ${than}`;
}

/** `75` as "1:15", `3675` as "1:01:15". */
export function duration(seconds) {
  const whole = Math.round(seconds);
  const rest = String(whole % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** "20.6 MB". */
export function size(bytes) {
  const unit = [
    ["GB", 1e9],
    ["MB", 1e6],
    ["kB", 1e3],
  ].find(([, limit]) => bytes >= limit);
  return unit
    ? `${(bytes / unit[1]).toFixed(bytes / unit[1] < 10 ? 1 : 0)} ${unit[0]}`
    : `${bytes} bytes`;
}

const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });
const moment = new Intl.DateTimeFormat("en", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  hour12: false,
});
export const date = (iso) => day.format(new Date(iso));
export const when = (iso) => moment.format(new Date(iso));
