/** The three steps at the top: where the work stands, at a glance. */

import { byId, duration, number, percent, plural, say } from "./dom.js";
import { share } from "./model.js";
import { counts } from "./generate.js";

export function show({ job, timelines, checkpoints }) {
  const models = checkpoints.filter((checkpoint) => checkpoint.kind === "finetuned");
  const running = job?.state === "running" ? job : null;
  const fetching = running?.kind === "fetch";
  const training = running && !fetching;
  step("tweets", fetching ? reading(running) : plural(timelines.length, "account"), null);
  step(
    "model",
    training ? working(running) : plural(models.length, "model"),
    training ? share(running) : null,
  );
  step("generate", writing(models), null);
  const current =
    fetching || !timelines.length ? "tweets" : training || !models.length ? "model" : "generate";
  for (const name of ["tweets", "model", "generate"]) {
    const link = byId(`track-${name}`);
    if (name === current) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
    byId(name).classList.toggle("is-current", name === current);
  }
}

function step(name, text, done) {
  const link = byId(`track-${name}`);
  say(link.querySelector("small"), text);
  link.querySelector("i").style.transform = `scaleX(${done ?? 0})`;
}

const reading = (job) => `reading @${job.subject}, ${number(job.progress?.read ?? 0)}`;

function working(job) {
  if (job.kind === "evaluate") return "evaluating";
  if (!job.progress) return "starting";
  return `${percent(share(job))}, ${duration(job.progress.seconds_left)} left`;
}

function writing(models) {
  const { written, kept, wanted } = counts();
  if (wanted) return `${written} of ${wanted}`;
  if (written) return `${written} written`;
  if (kept) return `${kept} kept`;
  return models.length ? "ready" : "waits for a model";
}
