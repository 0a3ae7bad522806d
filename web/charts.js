// The two charts, drawn by Chart.js in the page's own colours.

import * as format from "/format.js";

const Chart = window.Chart;
const charts = new Set();

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function timeAxis() {
  return {
    type: "linear",
    grid: { display: false, drawBorder: false },
    ticks: { maxTicksLimit: 5, maxRotation: 0, callback: (value) => format.time(value) },
    afterBuildTicks: (axis) => { axis.ticks = wholeTicks(axis.min, axis.max); },
  };
}

// Ticks at round times: every 5 min, 15 min, hour, ... whichever gives at most five.
function wholeTicks(min, max) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720].map((minutes) => minutes * 60000);
  const step = steps.find((ms) => (max - min) / ms <= 5) ?? steps.at(-1);
  const offset = new Date().getTimezoneOffset() * 60000;
  const ticks = [];
  for (let at = Math.ceil((min - offset) / step) * step + offset; at <= max; at += step) ticks.push({ value: at });
  return ticks;
}

function options() {
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    interaction: { mode: "index", intersect: false },
    spanGaps: 90000, // a keyword unseen for longer than one slide leaves a gap
    layout: { padding: { top: 6, right: 4 } },
    elements: { point: { radius: 0, hoverRadius: 3 }, line: { borderWidth: 1.75, tension: 0 } },
    scales: {
      x: timeAxis(),
      y: { beginAtZero: true, grid: { drawBorder: false }, ticks: { maxTicksLimit: 4, precision: 0, callback: (value) => format.count(value) } },
    },
    plugins: {
      legend: { display: false },
      tooltip: {
        displayColors: false,
        callbacks: { title: (items) => format.time(items[0].parsed.x), label: (item) => `${item.dataset.label}: ${format.count(Math.round(item.parsed.y * 10) / 10)}` },
      },
    },
  };
}

// A thin vertical line where the trend began.
const beganLine = {
  id: "began",
  afterDatasetsDraw(chart) {
    const at = chart.options.beganAt;
    const { left, right, top, bottom } = chart.chartArea;
    const x = at ? chart.scales.x.getPixelForValue(at) : NaN;
    if (!(x >= left && x <= right)) return;
    const context = chart.ctx;
    context.save();
    context.strokeStyle = colour("ink-3");
    context.lineWidth = 1;
    context.setLineDash([2, 3]);
    context.beginPath();
    context.moveTo(x, top);
    context.lineTo(x, bottom);
    context.stroke();
    context.restore();
  },
};

function paint(chart) {
  const font = { family: getComputedStyle(document.body).fontFamily, size: 11 };
  chart.options.scales.x.ticks.color = chart.options.scales.y.ticks.color = colour("ink-3");
  chart.options.scales.x.ticks.font = chart.options.scales.y.ticks.font = font;
  chart.options.scales.y.grid.color = colour("line");
  Object.assign(chart.options.plugins.tooltip, {
    backgroundColor: colour("ink"), titleColor: colour("paper"), bodyColor: colour("paper"),
    titleFont: font, bodyFont: font, padding: 8, cornerRadius: 4, caretSize: 0,
  });
  for (const dataset of chart.data.datasets) {
    dataset.borderColor = colour(dataset.ink);
    dataset.backgroundColor = colour("wash");
    dataset.pointBackgroundColor = colour(dataset.ink);
  }
  chart.update("none");
}

export function repaint() {
  for (const chart of charts) paint(chart);
}

function create(canvas, datasets, plugins = []) {
  const chart = new Chart(canvas, { type: "line", data: { datasets }, options: options(), plugins });
  charts.add(chart);
  paint(chart);
  return chart;
}

export function activityChart(canvas) {
  return create(canvas, [{ label: "Posts a minute", data: [], ink: "ink-2", fill: true }]);
}

export function historyChart(canvas) {
  return create(canvas, [
    { label: "Seen", data: [], ink: "accent", fill: true },
    { label: "Expected", data: [], ink: "ink-3", borderDash: [4, 4], fill: false },
  ], [beganLine]);
}

export function destroy(chart) {
  charts.delete(chart);
  chart.destroy();
}
