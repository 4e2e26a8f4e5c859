// The last hour in charts and as a table. A slider marks a moment in all charts, for people without a
// mouse; its text has the values of that moment.

import { Chart } from "./chart.js";
import { byId, element, setText, tableRows } from "./dom.js";
import { api, read } from "./site.js";
import { clock, count, duration, rate } from "./text.js";

const PERIOD_MS = 10_000; // a step
const ROW_STEPS = 30; // five minutes
const perSecond = (name) => (series) => series[name].map((n) => (n === null ? null : n / (series.step / 1000)));
const column = (name) => (series) => series[name];
const orNothing = (text) => (value) => (value === null || value === undefined ? "–" : text(value));
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const highest = (values) => Math.max(...values);
/** How a row of the table sums up its steps. */
const HIGHEST = { head: (name) => `${name}, highest`, of: highest };

const CHARTS = [
  {
    title: "Requests per second",
    text: orNothing(rate),
    over: { head: (name) => `${name}/s`, of: mean },
    lines: [
      { name: "commands", color: "--link", read: perSecond("commands") },
      { name: "answered", color: "--good", read: perSecond("answered") },
      { name: "failed", color: "--bad", dash: true, read: perSecond("failed") },
    ],
  },
  {
    title: "Answer time",
    text: orNothing((seconds) => duration(Number(seconds.toPrecision(2)))),
    over: HIGHEST,
    lines: [
      { name: "p50", color: "--link", read: column("p50") },
      { name: "p95", color: "--warn", dash: true, read: column("p95") },
    ],
  },
  {
    title: "Pending requests, and records not read",
    text: orNothing(count),
    over: HIGHEST,
    lines: [
      { name: "pending", color: "--link", read: column("pending") },
      { name: "lag", color: "--warn", dash: true, read: column("lag") },
    ],
  },
];

/** Charts; if names are given, with these lines only. */
const chosen = (names) =>
  CHARTS.map((each) => ({ ...each, lines: each.lines.filter(({ name }) => !names || names.includes(name)) }))
    .filter(({ lines }) => lines.length);

/** Rows of five minutes, newest first. */
function rows(series, wanted) {
  const table = [];
  for (let end = series.at.length; end > 0; end -= ROW_STEPS) {
    const over = (values, of) => {
      const known = values.slice(end - ROW_STEPS, end).filter((value) => value !== null);
      return known.length ? of(known) : null;
    };
    const from = series.at[end - ROW_STEPS];
    const cells = wanted.flatMap(({ lines, text, over: { of } }) =>
      lines.map((line) => ({ text: text(over(line.read(series), of)), number: true })),
    );
    const outage = orNothing((n) => (n ? "yes" : "no"))(over(series.outages, highest));
    table.push({ key: String(from), cells: [clock(from), ...cells, outage] });
  }
  return table;
}

/** Shows the hour that the query names, and keeps it up to date; `names`: only these lines. */
export function followSeries(query = "", names = null) {
  const wanted = chosen(names);
  const slider = byId("moment");
  const last = Number(slider.max);
  let newest = null;
  const describe = () => {
    const step = Number(slider.value);
    const said = charts.map((chart) => chart.describe(step)).join(", ");
    const time = clock(newest.at[step], newest.at.at(-1)) + (newest.outages[step] ? ", outage" : "");
    setText(byId("moment-time"), time);
    slider.setAttribute("aria-valuetext", `${time}: ${said}`);
  };
  const point = (step) => {
    if (!newest) return;
    slider.value = step ?? last;
    describe();
  };
  const mark = () => {
    if (!newest) return;
    const step = Number(slider.value);
    for (const chart of charts) chart.mark(step < last ? step : null);
    describe();
  };
  const charts = wanted.map((each) => new Chart(byId("charts"), each, point));
  slider.addEventListener("input", mark);
  const heads = wanted.flatMap(({ lines, over }) => lines.map(({ name }) => over.head(name)));
  byId("series-head").replaceChildren(
    ...["From", ...heads, "Outage"].map((text, n, all) => element("th", { scope: "col", class: n && n < all.length - 1 ? "n" : null }, text)),
  );
  const show = (series) => {
    const moved = newest ? (series.at[0] - newest.at[0]) / series.step : 0;
    if (Number(slider.value) < last) slider.value = Math.max(0, slider.value - moved);
    newest = series;
    for (const chart of charts) chart.show(series);
    mark();
    tableRows(byId("series-rows"), rows(series, wanted));
    setText(byId("series-note"), series.missing.length ? `Without the part of ${series.missing.join(", ")}` : "");
  };
  const look = async () => {
    if (!document.hidden) {
      await read(api(`series?${query}`)).then(show, (error) => setText(byId("series-note"), error.message));
    }
    setTimeout(look, PERIOD_MS);
  };
  look();
}
