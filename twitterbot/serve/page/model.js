/** Part 2: training with its live curve, and the models there are. */

import { checkpointZip, evaluationOf, post, remove } from "./api.js";
import { scorePlots } from "./curve.js";
import {
  announce,
  byId,
  confirm,
  disable,
  duration,
  gain,
  make,
  number,
  offer,
  percent,
  pick,
  plural,
  say,
  score,
  size,
  sync,
  tool,
  toolLink,
  unseen,
  when,
} from "./dom.js";
import { choose } from "./generate.js";
import { busy } from "./tweets.js";

let state = { job: null, timelines: [], checkpoints: [] };

export function show(current) {
  state = current;
  showForm();
  showJob(state.job);
  showModels();
}

const known = (name) => state.checkpoints.find((checkpoint) => checkpoint.name === name);
const running = () => (state.job?.state === "running" ? state.job : null);

// ------------------------------------------------------------------ the form

const nameField = byId("train-name");
let named = false; // the user typed a name; else one is proposed
nameField.addEventListener("input", () => {
  named = Boolean(nameField.value);
});
nameField.addEventListener("blur", propose);
byId("train-timeline").addEventListener("change", propose);

function showForm() {
  const { timelines, checkpoints, status } = state;
  offer(
    byId("train-timeline"),
    timelines.map(({ handle, tweets }) => [handle, `@${handle}, ${plural(tweets, "tweet")}`]),
  );
  const bases = checkpoints.toReversed(); // the base first
  offer(
    byId("train-base"),
    bases.map(({ name, kind }) => [
      name,
      kind === "base" ? `${name}, knows tweets in general` : `${name}, to train it further`,
    ]),
  );
  byId("train-rate").placeholder = status.defaults.learning_rate;
  const reason = !timelines.length
    ? "There are no tweets yet; step 1 brings some."
    : running()
      ? busy(running())
      : "";
  disable(byId("train-start"), reason, byId("train-reason"));
  propose();
}

/** A name that is still free: the handle, or the handle and a number. */
function propose() {
  if (named) return;
  const handle = byId("train-timeline").value;
  let name = handle;
  for (let count = 2; known(name); count++) name = `${handle}-${count}`;
  nameField.value = name;
}

const numberIn = (id) => (byId(id).value === "" ? null : Number(byId(id).value));

byId("train").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = nameField.value.trim();
  say(byId("train-problem"), "");
  const replaces = "There is a model of that name. The new one takes its place when it is ready.";
  if (known(name) && !(await confirm(`Replace ${name}?`, replaces, "Train and replace"))) return;
  try {
    await post("finetune", {
      timeline: byId("train-timeline").value,
      base: byId("train-base").value,
      name,
      epochs: numberIn("train-epochs"),
      learning_rate: numberIn("train-rate"),
      seed: numberIn("train-seed"),
    });
    named = false;
  } catch (error) {
    say(byId("train-problem"), error.message);
  }
});

function trainFurther(name, timeline) {
  pick(byId("train-base"), name);
  if (timeline) pick(byId("train-timeline"), timeline);
  propose();
  byId("train").scrollIntoView({ block: "start" });
  byId("train-timeline").focus({ preventScroll: true });
}

// ------------------------------------------------------------------ the job

const plots = scorePlots();
byId("job-curve").append(...plots.figures);
let told = ""; // the state that screen readers heard of

byId("job-write").addEventListener("click", () => choose(state.job.result.checkpoint));
byId("job-keep").addEventListener("click", () => stop(true));
byId("job-cancel").addEventListener("click", async () => {
  const text = "Nothing of this run will be kept.";
  if (
    running()?.kind !== "finetune" ||
    (await confirm("Cancel the training?", text, "Cancel the training", "Go on"))
  )
    stop(false);
});

async function stop(keep) {
  say(byId("job-problem"), "");
  try {
    await post("job/cancel", { keep });
  } catch (error) {
    say(byId("job-problem"), error.message);
  }
}

/** How far a job is, 0 to 1; null where nobody knows. */
export function share({ kind, progress }) {
  return kind === "finetune" && progress ? progress.step / progress.total_steps : null;
}

const TITLES = {
  finetune: {
    running: "Training on @",
    done: "Trained on @",
    failed: "Training failed: @",
    cancelled: "Training cancelled: @",
    interrupted: "Training was interrupted: @",
  },
  evaluate: {
    running: "Evaluating ",
    done: "Evaluated ",
    failed: "Evaluation failed: ",
    cancelled: "Evaluation cancelled: ",
    interrupted: "Evaluation was interrupted: ",
  },
};

function showJob(job) {
  byId("job").hidden = !TITLES[job?.kind];
  if (byId("job").hidden) return;
  const { kind, subject, progress } = job;
  const active = job.state === "running";
  say(byId("job-title"), TITLES[kind][job.state] + subject);
  say(
    byId("job-left"),
    active && kind === "finetune" && progress ? `${duration(progress.seconds_left)} left` : "",
  );
  byId("job").dataset.state = job.state;
  byId("job-progress").hidden = !active;
  const done = share(job);
  if (done == null) byId("job-progress").removeAttribute("value");
  else byId("job-progress").value = done;
  say(byId("job-message"), messageOf(job));
  showScores(job);
  showActions(job);
  tell(job);
}

function showScores(job) {
  const { kind, progress, curve, result } = job;
  const numbers = kind === "finetune" ? numbersOf(job) : [];
  byId("job-numbers").replaceChildren(
    ...numbers.map(([term, value]) => make("div", {}, make("dt", {}, term), make("dd", {}, value))),
  );
  byId("job-curve").hidden = kind !== "finetune" || !curve.length;
  plots.update(
    curve,
    progress?.total_steps ?? curve.at(-1)?.step ?? 1,
    progress?.base_score ?? result?.base_score ?? null,
  );
}

function messageOf({ state, kind, message, progress, result }) {
  if (state === "running" && kind === "evaluate" && progress) return progress.stage;
  if (state === "done" && kind === "finetune" && result) {
    const { base_score: before, score: after, seconds } = result;
    return `${score(before)} to ${score(after)} bits per character, ${gain(after, before, known(result.checkpoint)?.parent)}, in ${duration(seconds)}; ${message}.`;
  }
  return message ?? "";
}

function numbersOf({ state, progress }) {
  if (state !== "running" || !progress) return [];
  return [
    [
      "Step",
      `${number(progress.step)} of ${number(progress.total_steps)}, ${percent(progress.step / progress.total_steps)}`,
    ],
    ["Base", score(progress.base_score)],
    ["Best so far", score(progress.best_score)],
    ["Tokens a second", number(Math.round(progress.tokens_per_second))],
  ];
}

/** While it runs, how to end it; when it is done, what to do with what it made. */
function showActions({ kind, state: now, progress, result }) {
  byId("job-actions").hidden = now !== "running";
  byId("job-keep").hidden = kind !== "finetune";
  const reason = kind === "finetune" && !progress?.averaged ? "Nothing to keep yet." : "";
  disable(byId("job-keep"), reason, byId("job-reason"));
  const made = now === "done" && known(result?.checkpoint)?.name;
  byId("job-write").hidden = !made || kind !== "finetune";
  byId("job-report").hidden = !made || kind !== "evaluate";
  say(byId("job-write"), `Write with ${made}`);
  if (made) byId("job-report").href = evaluationOf(made);
}

/** Beginnings, ends and scores are news; every step would be noise. */
function tell(job) {
  const news = [byId("job-title").textContent];
  if (job.state !== "running") news.push(messageOf(job));
  else if (job.progress?.score != null) news.push(`held-out score ${score(job.progress.score)}`);
  const line = news.join(", ");
  if (line !== told) announce(line);
  told = line;
}

// ------------------------------------------------------------------ the models

function showModels() {
  const { checkpoints } = state;
  const own = checkpoints.some(({ kind }) => kind === "finetuned");
  byId("models-empty").hidden = own;
  say(
    byId("models-empty"),
    "No model of your own yet, only the base, which writes like everyone. Choose tweets above and train: a few minutes.",
  );
  const gains = checkpoints.map((one) =>
    one.score && one.base_score ? 1 - one.score / one.base_score : 0,
  );
  const shared = { reach: Math.max(0.1, ...gains), busy: Boolean(running()) };
  const items = checkpoints.map((checkpoint) => ({ ...checkpoint, ...shared }));
  sync(byId("models"), items, ({ name }) => name, modelItem);
}

function modelItem(checkpoint) {
  const { name, kind } = checkpoint;
  return make(
    "li",
    { class: kind },
    make(
      "div",
      { class: "row" },
      make("h4", {}, name),
      make("p", { class: "facts" }, modelFacts(checkpoint)),
      scoreLine(checkpoint),
    ),
    make("div", { class: "tools" }, ...modelTools(checkpoint)),
    kind === "finetuned" && checkpoint.history.length ? history(checkpoint) : null,
  );
}

function modelFacts({ kind, parent, tweets, created_at, bytes }) {
  const origin = kind === "base" ? "tweets in general" : `from ${parent ?? "a base that is gone"}`;
  return [origin, tweets && plural(tweets, "tweet"), when(created_at), size(bytes)]
    .filter(Boolean)
    .join(" · ");
}

/** How far a model came from its base; the longest line is the best of them. */
function scoreLine({ parent, score: own, base_score: base, reach }) {
  if (own == null) return make("p", { class: "facts" }, "no score");
  if (base == null)
    return make(
      "p",
      { class: "score-line" },
      make("span", {}, make("b", {}, score(own)), " bits on tweets of strangers"),
    );
  const at = `${Math.max(0, (1 - own / base) / reach) * 100}%`;
  const [run, dot] = [make("span", { class: "reach" }), make("span", { class: "dot" })];
  run.style.inlineSize = dot.style.insetInlineStart = at;
  const line = make(
    "span",
    { class: "line", "aria-hidden": "true" },
    run,
    make("span", { class: "tick" }),
    dot,
  );
  const text = make(
    "span",
    {},
    `${score(base)} to `,
    make("b", {}, score(own)),
    " bits, ",
    make("b", {}, gain(own, base, parent)),
  );
  return make("p", { class: "score-line" }, line, text);
}

function modelTools({ name, kind, timeline, evaluated, busy: occupied }) {
  const write = tool("write", "Write", `with ${name}`, () => choose(name));
  const download = toolLink("download", "Download", name, {
    href: checkpointZip(name),
    download: "",
  });
  if (kind === "base") return [write, download];
  const further = tool("further", "Train further", name, () => trainFurther(name, timeline));
  const evaluate = tool("report", evaluated ? "Evaluate again" : "Evaluate", name, () =>
    evaluation(name),
  );
  const report = toolLink("report", "Report", `on ${name}, in a new tab`, {
    href: evaluationOf(name),
    target: "_blank",
  });
  const discard = tool("delete", "Delete", name, () => forget(name));
  return [
    write,
    further,
    evaluated ? report : null,
    occupied ? null : evaluate,
    download,
    discard,
  ].filter(Boolean);
}

/** The curve of a finished training, epoch by epoch, drawn when it is asked for. */
function history({ name, parent, base_score: base, history: epochs }) {
  const { figures, update } = scorePlots("epoch");
  const curve = epochs.map(({ epoch, loss, in_context }) => ({
    step: epoch,
    loss,
    score: in_context,
  }));
  if (base != null) curve.unshift({ step: 0, score: base });
  const details = make(
    "details",
    {},
    make("summary", {}, "How it learnt", unseen(name)),
    make("div", { class: "plots" }, ...figures),
  );
  details.addEventListener("toggle", () => update(curve, epochs.at(-1).epoch, base, parent));
  return details;
}

async function attempt(work) {
  say(byId("models-problem"), "");
  try {
    await work();
  } catch (error) {
    say(byId("models-problem"), error.message);
  }
}

const evaluation = (name) =>
  attempt(async () => {
    await post("evaluate", { checkpoint: name });
    byId("job").scrollIntoView({ block: "nearest" });
  });

async function forget(name) {
  const text = `The folder checkpoints/${name} will be gone; training makes it anew.`;
  if (!(await confirm(`Delete the model ${name}?`, text, "Delete the model"))) return;
  await attempt(async () => {
    await remove(`checkpoints/${encodeURIComponent(name)}`);
    announce(`The model ${name} is deleted.`);
    byId("models-title").focus();
  });
}
