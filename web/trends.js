// The ranked list: one row for each trend, kept by its key, so that a row that moves is the same row.

import { element, setAttribute, setText, svg } from "/dom.js";
import * as format from "/format.js";

const sparkline = { width: 132, height: 34, slides: 60, padding: 3 };
const moveDuration = 420; // ms; shorter than a slide of the simulation
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export const keyOf = (trend) => `${trend.language}/${trend.keyword}`;
export const hashOf = (trend) => `#/${encodeURIComponent(trend.language)}/${encodeURIComponent(trend.keyword)}`;

// The last place is now; a keyword seen for ten minutes only fills the last sixth.
function sparklinePath(history, top) {
  const { width, height, slides, padding } = sparkline;
  const first = slides - history.length;
  const x = (i) => ((first + i) / (slides - 1)) * (width - 2 * padding) + padding;
  const y = (value) => height - padding - (value / top) * (height - 2 * padding);
  let path = "";
  let pen = "M";
  history.forEach((value, i) => {
    if (value === null) {
      pen = "M";
      return;
    }
    path += `${pen}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  });
  return { path, y, endX: x(history.length - 1), startX: x(0) };
}

export class Sparkline {
  constructor() {
    const { width, height } = sparkline;
    this.area = svg("path", { class: "spark-area" });
    this.usual = svg("line", { class: "spark-usual", x1: 0, x2: width });
    this.line = svg("path", { class: "spark-line" });
    this.end = svg("circle", { class: "spark-end", r: 2.4 });
    this.node = svg("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", focusable: "false" },
      this.area, this.usual, this.line, this.end);
  }

  update(history, expected) {
    const seen = history.filter((value) => value !== null);
    const top = Math.max(4, expected ?? 0, ...seen);
    const { path, y, endX, startX } = sparklinePath(history, top);
    const base = y(0).toFixed(1);
    const last = history.at(-1) ?? null;
    const whole = seen.length === history.length && history.length > 1;
    setAttribute(this.line, "d", path);
    setAttribute(this.area, "d", whole ? `${path}L${endX.toFixed(1)} ${base}L${startX.toFixed(1)} ${base}Z` : "");
    setAttribute(this.usual, "visibility", expected === null ? "hidden" : "visible");
    setAttribute(this.usual, "y1", y(expected ?? 0).toFixed(1));
    setAttribute(this.usual, "y2", y(expected ?? 0).toFixed(1));
    setAttribute(this.end, "visibility", last === null ? "hidden" : "visible");
    setAttribute(this.end, "cx", endX.toFixed(1));
    setAttribute(this.end, "cy", y(last ?? 0).toFixed(1));
  }
}

function movement(trend) {
  if (trend.previous_rank === null) return { text: "new", kind: "new", label: "new" };
  const up = trend.previous_rank - trend.rank;
  if (up > 0) return { text: `▲ ${up}`, kind: "up", label: `up ${up}` };
  if (up < 0) return { text: `▼ ${-up}`, kind: "down", label: `down ${-up}` };
  return { text: "", kind: "same", label: "" };
}

// How long a movement stays to be seen: in a quiet hour a rank changes once in a while, and should be noticed.
const movementSlides = 5;

class Row {
  constructor() {
    this.number = element("span", { class: "rank-number" });
    this.move = element("span", { class: "move" });
    this.keyword = element("a", { class: "keyword", dir: "auto" });
    this.language = element("span", { class: "language" });
    this.sample = element("p", { class: "sample", dir: "auto" });
    this.spark = new Sparkline();
    this.growth = element("span", { class: "value" });
    this.authors = element("span", { class: "value" });
    this.meter = element("span", { class: "meter", "aria-hidden": "true" });
    this.confidence = element("span", { class: "value" });
    this.began = element("span", { class: "value" });
    this.moveLeft = 0;
    this.node = element("li", { class: "trend" },
      element("div", { class: "rank" }, this.number, this.move),
      element("div", { class: "word" }, element("div", { class: "word-line" }, this.keyword, this.language), this.sample),
      this.spark.node,
      element("div", { class: "figures" },
        element("div", { class: "growth" }, this.growth, element("span", { class: "unit" }, "usual")),
        element("div", { class: "authors" }, this.authors, element("span", { class: "unit" }, "authors")),
        element("div", { class: "confidence" }, this.meter, this.confidence, element("span", { class: "unit" }, "sure")),
        element("div", { class: "began" }, this.began, element("span", { class: "unit" }, "ago"))));
  }

  update(trend, selectedKey) {
    this.trend = trend;
    setText(this.number, String(trend.rank));
    this.updateMove(trend);
    setText(this.keyword, format.printable(trend.keyword));
    setAttribute(this.keyword, "href", hashOf(trend));
    setAttribute(this.keyword, "aria-current", keyOf(trend) === selectedKey ? "true" : null);
    setText(this.language, trend.language === "*" ? "all" : trend.language);
    setAttribute(this.language, "title", format.language(trend.language));
    const sample = trend.sample_posts.find((post) => post.text);
    setText(this.sample, sample ? format.printable(sample.text) : "");
    this.spark.update(trend.history, trend.expected);
    setText(this.growth, format.times(trend.growth_rate));
    setText(this.authors, format.count(trend.unique_authors));
    setText(this.confidence, format.percent(trend.peak_confidence));
    this.meter.style.setProperty("--share", trend.peak_confidence.toFixed(2));
    setText(this.began, format.minutes(format.minutesBetween(trend.started_at, trend.window_end)));
    this.node.classList.toggle("selected", keyOf(trend) === selectedKey);
  }

  updateMove(trend) {
    if (this.slide === trend.window_end) return;
    this.slide = trend.window_end;
    const move = movement(trend);
    if (move.kind !== "same") this.moveLeft = movementSlides;
    else if (--this.moveLeft > 0) return;
    setText(this.move, move.text);
    setAttribute(this.move, "class", `move move-${move.kind}`);
    setAttribute(this.move, "aria-label", move.label || null);
  }
}

export class TrendList {
  constructor(node) {
    this.node = node;
    this.rows = new Map();
  }

  // Show `trends` in order; rows that change places glide there.
  update(trends, selectedKey) {
    const before = new Map();
    for (const [key, row] of this.rows) before.set(key, row.node.offsetTop);
    const shown = new Set(trends.map(keyOf));
    for (const [key, row] of this.rows) {
      if (shown.has(key)) continue;
      row.node.remove();
      this.rows.delete(key);
    }
    trends.forEach((trend, place) => this.place(trend, place, selectedKey));
    if (!calm.matches && document.visibilityState === "visible") this.glide(before);
  }

  place(trend, place, selectedKey) {
    const key = keyOf(trend);
    let row = this.rows.get(key);
    if (!row) {
      row = new Row();
      this.rows.set(key, row);
    }
    row.update(trend, selectedKey);
    if (this.node.children[place] !== row.node) this.insert(row.node, place);
  }

  // Moving a node takes the focus away: whoever reads along the list by keyboard keeps their place.
  insert(node, place) {
    const focused = node.contains(document.activeElement) ? document.activeElement : null;
    this.node.insertBefore(node, this.node.children[place] ?? null);
    focused?.focus({ preventScroll: true });
  }

  glide(before) {
    for (const [key, row] of this.rows) {
      const from = before.get(key);
      if (from === undefined) {
        if (before.size) row.node.animate([{ opacity: 0 }, { opacity: 1 }], { duration: moveDuration, easing: "ease-out" });
        continue;
      }
      const distance = from - row.node.offsetTop;
      if (distance)
        row.node.animate([{ transform: `translateY(${distance}px)` }, { transform: "none" }],
          { duration: moveDuration, easing: "cubic-bezier(.2, .7, .2, 1)" });
    }
  }

  links() {
    return [...this.node.querySelectorAll(".keyword")];
  }
}
