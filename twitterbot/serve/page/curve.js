/** Lines over steps, drawn as SVG at the size they are shown, in the theme's colours. */

import { make, makeSvg, number, score } from "./dom.js";

const HEIGHT = 200;
const MARGIN = { top: 18, right: 58, bottom: 26, left: 44 };

/**
 * Both scores of a training: held-out bits per character with the base's as a line to beat,
 * and training loss. The figures hold their drawing; `update` redraws both, with the axis up to
 * `last` and the line at `reference`, the score of what `name` names.
 */
export function scorePlots(unit = "step") {
  const heldOut = new Plot("Held-out bits per character", "held-out", unit);
  const loss = new Plot("Training loss, nats per token", "loss", unit);
  return {
    figures: [heldOut.figure, loss.figure],
    update(curve, last, reference, name = "base") {
      heldOut.draw(series(curve, "score"), last, reference && { value: reference, name });
      loss.draw(series(curve, "loss"), last, null);
    },
  };
}

const series = (curve, name) =>
  curve.filter((point) => point[name] != null).map((point) => [point.step, point[name]]);

class Plot {
  constructor(title, kind, unit) {
    this.title = title;
    this.unit = unit;
    this.svg = makeSvg("svg", { class: `plot ${kind}`, role: "img", height: HEIGHT });
    this.figure = make("figure", { class: kind }, make("figcaption", {}, title), this.svg);
    this.drawn = "";
    new ResizeObserver(() => this.redraw()).observe(this.figure);
  }

  draw(points, last, reference) {
    const state = JSON.stringify([points, last, reference]);
    if (state === this.drawn) return;
    this.drawn = state;
    this.svg.setAttribute("aria-label", this.description(points, reference));
    this.redraw();
  }

  redraw() {
    const width = this.figure.clientWidth;
    if (!width || !this.drawn) return;
    const [points, last, reference] = JSON.parse(this.drawn);
    const scale = scaleOf(points, last, reference, width);
    this.svg.setAttribute("width", width);
    this.svg.replaceChildren(
      ...axes(scale, last, this.unit),
      ...referenceLine(scale, reference),
      ...line(scale, points),
    );
  }

  description(points, reference) {
    if (!points.length) return `${this.title}: nothing measured yet.`;
    const best = Math.min(...points.map(([, y]) => y));
    const [[, first], [step, now]] = [points[0], points.at(-1)];
    const start = reference ? ` The score of ${reference.name} is ${score(reference.value)}.` : "";
    return `${this.title}: from ${score(first)} to ${score(now)} at ${this.unit} ${number(step)}; the lowest is ${score(best)}.${start}`;
  }
}

function scaleOf(points, last, reference, width) {
  const values = points.map(([, y]) => y).concat(reference?.value ?? []);
  const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
  const step = niceStep((high - low || high || 1) / 3);
  const bottom = Math.floor(low / step) * step;
  const top = Math.max(Math.ceil(high / step) * step, bottom + step);
  const [right, floor] = [width - MARGIN.right, HEIGHT - MARGIN.bottom];
  return {
    x: (value) => MARGIN.left + ((right - MARGIN.left) * value) / (last || 1),
    y: (value) => floor - ((floor - MARGIN.top) * (value - bottom)) / (top - bottom),
    left: MARGIN.left,
    right,
    floor,
    step,
    ticks: Array.from(
      { length: Math.round((top - bottom) / step) + 1 },
      (_, i) => bottom + i * step,
    ),
  };
}

/** 1, 2 or 5 times a power of ten, at least `rough`. */
function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
}

function axes({ x, y, left, right, floor, ticks, step }, last, unit) {
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const rows = ticks.flatMap((value) => [
    makeSvg("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }),
    makeSvg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(digits)),
  ]);
  const columns = [
    [0, "start", "0"],
    [last, "end", `${unit} ${number(last)}`],
  ].map(([value, anchor, text]) =>
    makeSvg("text", { x: x(value), y: floor + 19, "text-anchor": anchor }, text),
  );
  return [...rows, ...columns];
}

function referenceLine({ y, left, right }, reference) {
  if (!reference) return [];
  const height = y(reference.value);
  return [
    makeSvg("line", { class: "reference", x1: left, x2: right, y1: height, y2: height }),
    makeSvg(
      "text",
      { class: "strong", x: right, y: height - 6, "text-anchor": "end" },
      `${reference.name} ${score(reference.value)}`,
    ),
  ];
}

function line({ x, y }, points) {
  if (!points.length) return [];
  const [step, now] = points.at(-1);
  const path = points
    .map(([px, py], i) => `${i ? "L" : "M"}${x(px).toFixed(1)} ${y(py).toFixed(1)}`)
    .join("");
  const dots = points.map(([px, py]) => makeSvg("circle", { cx: x(px), cy: y(py), r: 4.5 }));
  return [
    makeSvg("path", { class: "line", d: path }),
    ...dots,
    makeSvg("text", { class: "now", x: x(step) + 9, y: y(now) + 5 }, score(now)),
  ];
}
