// One keyword: its history against what was expected, and posts that use it.

import { destroy, historyChart } from "/charts.js";
import { element, setText } from "/dom.js";
import * as format from "/format.js";

const refreshPause = 2000; // ms between two fetches while snapshots keep coming

function fact(label, value, title = null) {
  return element("div", { title }, element("dt", {}, label), element("dd", {}, value));
}

function facts(trend) {
  const place = trend.kind === "ended" ? "ended" : `No. ${trend.rank}`;
  return element("dl", { class: "facts" },
    fact("Rank", place),
    fact("Against usual", format.times(trend.growth_rate)),
    fact("Confidence", format.percent(trend.peak_confidence), "the highest since it began"),
    fact("Authors", format.count(trend.unique_authors)),
    fact("Mentions", format.count(trend.frequency)),
    fact("Expected", trend.expected < 10 ? trend.expected.toFixed(1) : format.count(Math.round(trend.expected)), "authors in ten minutes, as a rule"),
    fact("Score", trend.z_score.toFixed(1), "signed square root of the deviance, in standard deviations"),
    fact("Began", format.dayAndTime(trend.started_at)));
}

function post(sample) {
  const link = format.postLink(sample.uri);
  const text = format.printable(sample.text);
  const item = element("li", { class: "post" });
  if (text) item.append(element("p", { class: "post-text", dir: "auto" }, text));
  else item.append(element("p", { class: "post-text quiet" }, "Its author asks not to be quoted outside Bluesky."));
  const line = element("p", { class: "post-line" }, element("time", { datetime: sample.created_at }, format.dayAndTime(sample.created_at)));
  if (link) line.append(element("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, "Open on Bluesky", element("span", { "aria-hidden": "true" }, " ↗")));
  item.append(line);
  return item;
}

function episodes(list) {
  if (!list.length) return [];
  const lines = list.slice().reverse().map((one) => {
    const end = one.ended_at ? format.dayAndTime(one.ended_at) : "now";
    return element("li", {}, `${format.dayAndTime(one.started_at)} to ${end}`, element("span", { class: "quiet" }, ` best No. ${one.best_rank}, ${format.count(one.peak_frequency)} mentions at its peak`));
  });
  return [element("h3", {}, "When it trended"), element("ul", { class: "episodes" }, ...lines)];
}

export class Detail {
  constructor(node, onClose) {
    this.node = node;
    this.onClose = onClose;
    this.chart = null;
    this.wanted = null; // { language, keyword }
    this.fetchedAt = 0;
  }

  get isOpen() {
    return this.wanted !== null;
  }

  open(language, keyword) {
    if (this.wanted?.language === language && this.wanted.keyword === keyword) return;
    this.close();
    this.wanted = { language, keyword };
    this.fetchedAt = 0;
    this.build();
    this.node.hidden = false;
    this.refresh();
  }

  close() {
    if (this.chart) destroy(this.chart);
    this.chart = null;
    this.wanted = null;
    this.node.hidden = true;
    this.node.replaceChildren();
  }

  build() {
    const close = element("button", { class: "tool", type: "button", "aria-label": "Close" }, "✕");
    close.addEventListener("click", () => this.onClose());
    this.state = element("p", { class: "quiet detail-state" }, "Loading…");
    this.facts = element("div", {});
    this.canvas = element("canvas", { role: "img", "aria-label": "Authors seen and expected over time" });
    this.posts = element("ul", { class: "posts" });
    this.past = element("div", {});
    this.node.append(
      element("header", { class: "detail-head" },
        element("h2", { id: "detail-title", dir: "auto" }, format.printable(this.wanted.keyword)), close),
      this.state, this.facts,
      element("div", { class: "legend", "aria-hidden": "true" },
        element("span", { class: "legend-seen" }, "authors in ten minutes"), element("span", { class: "legend-expected" }, "expected")),
      element("div", { class: "chart" }, this.canvas),
      element("h3", { id: "posts-title" }, "Some of the posts"), this.posts, this.past);
    this.chart = historyChart(this.canvas);
  }

  async refresh() {
    if (!this.wanted || Date.now() - this.fetchedAt < refreshPause) return;
    this.fetchedAt = Date.now();
    const { language, keyword } = this.wanted;
    const path = `/v1/trends/${encodeURIComponent(keyword)}?language=${encodeURIComponent(language)}`;
    try {
      const answer = await fetch(path);
      const body = await answer.json();
      if (this.wanted?.language !== language || this.wanted.keyword !== keyword) return; // another one was opened meanwhile
      if (answer.ok) this.show(body.languages[0]);
      else this.miss(body.error);
    } catch {
      setText(this.state, "The history cannot be loaded just now.");
    }
  }

  miss(error) {
    setText(this.state, error.message);
    this.node.querySelector("#posts-title").hidden = true;
  }

  show(series) {
    const trend = series.trend;
    const name = format.language(series.language);
    setText(this.state, trend ? `Trending in ${name}` : `In ${name}; not a trend now`);
    this.facts.replaceChildren(...(trend ? [facts(trend)] : []));
    this.showPosts(trend?.sample_posts ?? []);
    this.past.replaceChildren(...episodes(series.episodes));
    this.chart.data.datasets[0].data = series.points.map((point) => ({ x: Date.parse(point.window_end), y: point.unique_authors }));
    this.chart.data.datasets[1].data = series.points
      .filter((point) => point.expected !== null).map((point) => ({ x: Date.parse(point.window_end), y: point.expected }));
    this.chart.options.beganAt = trend ? Date.parse(trend.started_at) : null;
    this.chart.options.scales.x.min = series.points.length ? Math.min(Date.parse(series.points[0].window_end), Date.parse(series.points.at(-1).window_end) - 1800000) : undefined;
    this.chart.options.scales.x.max = series.points.length ? Date.parse(series.points.at(-1).window_end) : undefined;
    this.chart.options.elements.point.radius = series.points.length < 2 ? 3 : 0;
    this.chart.update("none");
  }

  // The same posts stay in place: someone may be reading them.
  showPosts(samples) {
    const key = samples.map((sample) => sample.uri).join(" ");
    this.node.querySelector("#posts-title").hidden = samples.length === 0;
    if (this.posts.dataset.key === key) return;
    this.posts.dataset.key = key;
    this.posts.replaceChildren(...samples.map(post));
  }
}
