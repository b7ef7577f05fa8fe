/** Tweets as files, in the formats of `twitterbot generate`, each marked as synthetic. */

import { make } from "./dom.js";

export const SYNTHETIC_NOTE = "(synthetic: written by a language model, not by a person)";

const record = ({ text, model, seed }) => ({ text, synthetic: true, model, seed });
const field = (value) => (/[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
const cells = (values) => values.map((value) => field(String(value ?? ""))).join(",");

const FORMATS = {
  txt: {
    type: "text/plain",
    lines: (tweets) => [
      `# ${SYNTHETIC_NOTE.slice(1, -1)}`,
      ...tweets.map(({ text }) => text.split(/\s+/).join(" ").trim()),
    ],
  },
  jsonl: {
    type: "application/jsonl",
    lines: (tweets) => tweets.map((tweet) => JSON.stringify(record(tweet))),
  },
  csv: {
    type: "text/csv",
    lines: (tweets) => [
      cells(Object.keys(record({}))),
      ...tweets.map((tweet) => cells(Object.values({ ...record(tweet), synthetic: "True" }))),
    ],
  },
};

/** Lets the browser save `tweets`; the file's name says that they are synthetic, too. */
export function save(tweets, format, name) {
  const { type, lines } = FORMATS[format];
  const blob = new Blob([lines(tweets).join("\n"), "\n"], { type: `${type};charset=utf-8` });
  const link = make("a", {
    href: URL.createObjectURL(blob),
    download: `synthetic-${name}.${format}`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}
