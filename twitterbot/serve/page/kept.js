/** The tweets that the reader kept, in this browser's storage. */

const KEY = "twitterbot.kept";
const listeners = [];
let memory = read(); // newest first

function read() {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(stored) ? stored.filter((tweet) => typeof tweet?.text === "string") : [];
  } catch {
    return []; // no storage, or somebody else's data: begin anew
  }
}

const same = (one, other) => one.text === other.text && one.model === other.model;

export const all = () => memory;
export const has = (tweet) => memory.some((other) => same(tweet, other));
export const onchange = (listener) => listeners.push(listener);

/** Keeps a tweet, or lets it go; false when the browser stores nothing. */
export function put(tweet, keep) {
  const others = memory.filter((other) => !same(tweet, other));
  const changed = keep ? [tweet, ...others] : others;
  try {
    localStorage.setItem(KEY, JSON.stringify(changed));
  } catch {
    return false;
  }
  memory = changed;
  for (const listener of listeners) listener();
  return true;
}

// Another tab of this page kept or dropped one.
window.addEventListener("storage", () => {
  memory = read();
  for (const listener of listeners) listener();
});
