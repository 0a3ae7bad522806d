// The live page: follows /v1/stream and shows what comes. All state is here; the parts only draw.

import { activityChart, repaint } from "/charts.js";
import { Detail } from "/detail.js";
import { byId, element, setAttribute, setText } from "/dom.js";
import * as format from "/format.js";
import { hashOf, keyOf, Sparkline, TrendList } from "/trends.js";

const trendsMax = 50;
const topMax = 24;
const topSparkline = 8; // slides, before which there is no shape to see
const activityMax = 1440; // slides: 24 h
const warmUpMinutes = 12;
const volumeMax = 7;
const reopenPause = 5000; // ms, when the browser has given a stream up
const announcePause = 15000;

const state = {
  snapshot: null, // as last received
  shown: null, // the same, or of one language only
  status: null,
  language: "",
  filter: "",
  selected: null,
  reachable: true,
  announcedAt: 0,
  activity: [],
};

const list = new TrendList(byId("trends"));
const detail = new Detail(byId("detail"), () => { location.hash = "#/"; });
const activity = activityChart(byId("activity"));

/* The head of the page */

const connections = {
  connecting: "Connecting", connected: "Connected", stalled: "Nothing arrives", disconnected: "Connection lost",
};

function showStatus(status) {
  state.status = status;
  format.setToday(status.event_time);
  setText(byId("source"), status.source || connections[status.connection]);
  setAttribute(byId("dot"), "class", `dot dot-${state.reachable ? status.connection : "disconnected"}`);
  setAttribute(byId("dot"), "title", connections[status.connection]);
  setText(byId("rate"), format.count(Math.round(status.posts_per_minute)));
  setText(byId("lag"), format.behind(status.lag_seconds));
  setText(byId("clock-label"), status.simulated ? "Simulated time" : "Event time");
  setText(byId("clock"), format.timeWithSeconds(status.event_time));
  setText(byId("version"), `Skytrend ${status.version}`);
  byId("simulated").hidden = !status.simulated;
  const pace = status.speed > 1 ? ` An hour passes in ${format.seconds(3600 / status.speed)}.` : "";
  setText(byId("simulated-text"), `These are invented posts on a simulated network, not Bluesky.${pace}`);
  showTrouble();
  showWarmUp();
}

function trouble() {
  if (!state.reachable) return "This page has lost Skytrend and is trying again. What you see is what it last knew.";
  const status = state.status;
  if (!status) return "";
  if (status.connection === "stalled") return `Stalled since ${format.timeWithSeconds(status.stalled_since)}: no posts arrive. What you see is as of then.`;
  if (status.connection === "disconnected") return `Lost the connection to ${status.source || "the source"}; trying again. What you see is what was last known.`;
  return "";
}

function showTrouble() {
  const text = trouble();
  byId("trouble").hidden = text === "";
  setText(byId("trouble"), text);
  document.body.classList.toggle("aged", text !== "");
}

function showWarmUp() {
  const status = state.status;
  const warming = state.snapshot ? state.snapshot.warming_up : true;
  const left = status.warm_up_minutes_left;
  byId("warmup").hidden = !warming;
  if (!warming) return;
  const wait = status.speed > 1 ? `${format.seconds((left * 60) / status.speed)} (${format.minutes(left)} of simulated time)` : format.minutes(left);
  setText(byId("warmup-left"), state.snapshot ? `First trends in about ${wait}.` : "Waiting for the first posts.");
  byId("warmup-progress").value = state.snapshot ? Math.max(0, warmUpMinutes - left) : 0;
}

/* The list */

function matches(keyword) {
  return keyword.includes(state.filter);
}

function showTrends() {
  const shown = state.shown;
  if (!shown) return;
  const trends = shown.trends.filter((trend) => matches(trend.keyword));
  list.update(trends, state.selected);
  byId("columns").hidden = trends.length === 0;
  setText(byId("title"), shown.warming_up ? "Warming up" : "Trends");
  setText(byId("subtitle"), shown.window_end ? `${format.time(shown.window_start)} to ${format.time(shown.window_end)}` : "");
  const filtered = state.filter !== "" || state.language !== "";
  const empty = trends.length === 0 && !shown.warming_up;
  byId("empty").hidden = !empty;
  setText(byId("empty"), filtered ? "No trend matches the filter." : "Nothing is above its usual level now. A quiet moment is a result too.");
  showRecurring(shown);
  showTop(shown, trends.length === 0);
  const first = state.snapshot.trends[0];
  document.title = first && !shown.warming_up ? `${format.printable(first.keyword)} · Skytrend` : "Skytrend";
}

const topRows = new Map();

function topRow(word) {
  const key = keyOf(word);
  let row = topRows.get(key);
  if (!row) {
    row = { link: element("a", { href: hashOf(word), dir: "auto" }, format.printable(word.keyword)), count: element("span", { class: "top-count" }), spark: new Sparkline() };
    row.node = element("li", {}, row.link, element("span", { class: "language" }, word.language === "*" ? "all" : word.language), row.spark.node, row.count);
    topRows.set(key, row);
  }
  row.spark.node.classList.toggle("young", word.history.length < topSparkline);
  row.spark.update(word.history, null);
  setText(row.count, format.count(word.count));
  return row.node;
}

function recurringRow(trend) {
  return element("li", {}, element("a", { href: hashOf(trend), dir: "auto" }, format.printable(trend.keyword)),
    element("span", { class: "language" }, trend.language === "*" ? "all" : trend.language),
    element("span", { class: "top-count" }, format.count(trend.unique_authors)));
}

function showRecurring(shown) {
  const trends = shown.recurring.filter((trend) => matches(trend.keyword)).slice(0, topMax);
  byId("recurring").hidden = trends.length === 0;
  byId("recurring-list").replaceChildren(...trends.map(recurringRow));
}

function showTop(shown, wanted) {
  const words = shown.top_keywords.filter((word) => matches(word.keyword)).slice(0, topMax);
  byId("top").hidden = !wanted || words.length === 0;
  if (byId("top").hidden) return;
  const keep = new Set(words.map(keyOf));
  for (const key of topRows.keys()) if (!keep.has(key)) topRows.delete(key);
  byId("top-list").replaceChildren(...words.map(topRow));
}

/* The side */

function showVolume(volume) {
  const languages = Object.entries(volume).filter(([code]) => code !== "*").sort((a, b) => b[1] - a[1]);
  const total = languages.reduce((sum, [, words]) => sum + words, 0);
  const items = languages.slice(0, volumeMax).filter(([, words]) => words / total >= 0.005).map(([code, words]) => {
    const bar = element("span", { class: "bar" });
    bar.style.setProperty("--share", (words / languages[0][1]).toFixed(3));
    return element("li", {}, element("span", {}, format.language(code)), bar, element("span", { class: "number" }, format.percent(words / total)));
  });
  byId("volume").replaceChildren(...items);
}

function showLanguages(snapshot) {
  const select = byId("language");
  const codes = new Set([...Object.keys(snapshot.volume), ...snapshot.trends.map((trend) => trend.language)]);
  if (state.language) codes.add(state.language);
  codes.delete("und");
  const known = new Set([...select.options].map((option) => option.value));
  for (const code of [...codes].sort()) if (!known.has(code)) select.append(element("option", { value: code }, format.language(code)));
}

function addActivity(windowEnd, perMinute, authors) {
  const x = Date.parse(windowEnd);
  if (state.activity.length && state.activity.at(-1).x > x) state.activity = []; // another source, another time
  if (state.activity.length && state.activity.at(-1).x === x) return;
  state.activity.push({ x, y: perMinute, authors });
  if (state.activity.length > activityMax) state.activity.shift();
}

function showActivity() {
  activity.data.datasets[0].data = state.activity;
  const last = state.activity.at(-1)?.x;
  activity.options.scales.x.max = last;
  activity.options.scales.x.min = last && Math.min(state.activity[0].x, last - 1800000);
  activity.update("none");
}

async function loadActivity() {
  const answer = await fetch("/v1/activity");
  if (!answer.ok) return;
  const body = await answer.json();
  state.activity = body.series.map((slide) => ({ x: Date.parse(slide.window_end), y: slide.posts_per_minute }));
  showActivity();
}

/* What arrives */

function announce(snapshot) {
  const started = snapshot.trends.filter((trend) => trend.kind === "started");
  if (started.length === 0 || Date.now() - state.announcedAt < announcePause) return;
  state.announcedAt = Date.now();
  setText(byId("announcer"), `New: ${started.map((trend) => `${trend.keyword}, rank ${trend.rank}`).join("; ")}`);
}

async function takeSnapshot(snapshot) {
  state.snapshot = snapshot;
  state.shown = state.language ? await loadLanguage(state.language) ?? state.shown : snapshot;
  showStatus(snapshot.status);
  setText(byId("authors"), format.count(snapshot.active_authors));
  showLanguages(snapshot);
  showTrends();
  showVolume(snapshot.volume);
  if (snapshot.window_end) {
    const minutes = Math.max(1, format.minutesBetween(snapshot.window_start, snapshot.window_end));
    addActivity(snapshot.window_end, snapshot.status.posts_per_minute || snapshot.posts / minutes);
    showActivity();
  }
  announce(snapshot);
  detail.refresh();
}

async function loadLanguage(language) {
  try {
    const answer = await fetch(`/v1/trends?limit=${trendsMax}&language=${encodeURIComponent(language)}`);
    return answer.ok && state.language === language ? await answer.json() : null;
  } catch {
    return null; // the stream's own error says that the server is away
  }
}

function setReachable(reachable) {
  state.reachable = reachable;
  if (state.status) showStatus(state.status);
  else showTrouble();
}

function follow() {
  const stream = new EventSource("/v1/stream");
  stream.addEventListener("open", () => { setReachable(true); loadActivity().catch(() => {}); });
  stream.addEventListener("snapshot", (event) => takeSnapshot(JSON.parse(event.data)));
  stream.addEventListener("status", (event) => showStatus(JSON.parse(event.data)));
  stream.addEventListener("error", () => {
    setReachable(false);
    if (stream.readyState === EventSource.CLOSED) setTimeout(follow, reopenPause);
  });
}

/* Where we are: #/language/keyword is a permalink to a keyword's history */

function route() {
  const parts = location.hash.split("/");
  let wanted = null;
  try {
    if (parts.length === 3) wanted = { language: decodeURIComponent(parts[1]), keyword: decodeURIComponent(parts[2]) };
  } catch { /* a damaged link opens the list */ }
  state.selected = wanted ? keyOf(wanted) : null;
  if (wanted) detail.open(wanted.language, wanted.keyword);
  else detail.close();
  document.body.classList.toggle("has-detail", wanted !== null);
  showTrends();
  if (wanted) detail.node.scrollIntoView({ block: "nearest" });
}

function setLanguage(language) {
  state.language = language;
  if (!state.snapshot) return;
  if (language) loadLanguage(language).then((shown) => { if (shown) { state.shown = shown; showTrends(); } });
  else { state.shown = state.snapshot; showTrends(); }
}

function setFilter(text) {
  state.filter = text.trim().toLowerCase();
  showTrends();
}

/* Keys */

function step(by) {
  const links = list.links();
  if (links.length === 0) return;
  const at = links.findIndex((link) => link === document.activeElement || link.getAttribute("aria-current"));
  const to = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by));
  links[to].focus();
  links[to].closest(".trend").scrollIntoView({ block: "nearest" });
  if (detail.isOpen) location.hash = links[to].hash;
}

function leave() {
  if (byId("filter").value) {
    byId("filter").value = "";
    setFilter("");
  } else if (detail.isOpen) {
    const back = list.links().find((link) => link.getAttribute("aria-current"));
    location.hash = "#/";
    back?.focus();
  }
  if (document.activeElement === byId("filter")) byId("filter").blur();
}

const keys = {
  j: () => step(1), ArrowDown: () => step(1),
  k: () => step(-1), ArrowUp: () => step(-1),
  "/": () => byId("filter").focus(),
  l: () => byId("language").focus(),
  t: () => nextTheme(),
  "?": () => byId("help-dialog").showModal(),
  Escape: leave,
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help-dialog").open) return;
  const typing = event.target.closest("input, select, textarea");
  if (typing && event.key !== "Escape") return;
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function nextTheme() {
  nameTheme(window.skytrendTheme.next());
  repaint();
}

function nameTheme(theme) {
  const names = { system: "as the system", light: "light", dark: "dark" };
  setAttribute(byId("theme"), "aria-label", `Colours: ${names[theme]}`);
  setAttribute(byId("theme"), "title", `Colours: ${names[theme]}`);
}

document.addEventListener("keydown", onKey);
window.addEventListener("hashchange", route);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
byId("theme").addEventListener("click", nextTheme);
byId("help").addEventListener("click", () => byId("help-dialog").showModal());
byId("filter").addEventListener("input", (event) => setFilter(event.target.value));
byId("language").addEventListener("change", (event) => setLanguage(event.target.value));
document.querySelector(".filter").addEventListener("submit", (event) => event.preventDefault());
nameTheme(window.skytrendTheme.current());
route();
follow();
