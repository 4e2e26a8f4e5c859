// A chart of the last hour: lines, and a band wherever a floodlight was in outage.

import { element, keyed, setText } from "./dom.js";

const { uPlot } = globalThis;
const HEIGHT_PX = 150;
const MIN_SPAN_S = 600; // also of a router that is not an hour old
const colour = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(name);

/** One band for steps that follow each other: seams between them would be seen. */
function bands(plot, { at, step, outages }) {
  const { ctx, bbox } = plot;
  const place = (ms) => Math.min(Math.max(plot.valToPos(ms / 1000, "x", true), bbox.left), bbox.left + bbox.width);
  ctx.fillStyle = colour("--bad-back")();
  let begin = null;
  [...outages, 0].forEach((out, n) => {
    if (out) begin ??= at[n];
    else if (begin !== null) {
      ctx.fillRect(place(begin), bbox.top, place(at[n - 1] + step) - place(begin), bbox.height);
      begin = null;
    }
  });
}

const axis = (more) => ({
  stroke: colour("--soft"),
  grid: { stroke: colour("--line"), width: 1 },
  ticks: { show: false },
  font: "12px system-ui, sans-serif",
  ...more,
});

export class Chart {
  #lines;
  #text;
  #series;
  #step = null;
  #from = 0; // s since the epoch: unknown before
  #plot;
  #place = element("div", { class: "plot", role: "img" });
  #legend = element("ul", { class: "legend" });

  /** `lines` have a name, a colour and `read`, which gives their values; `text` writes a value;
      `point` is called with the step that the mouse points to, and with null when it leaves. */
  constructor(parent, { title, lines, text }, point) {
    this.#lines = lines;
    this.#text = text;
    this.title = title;
    parent.append(element("figure", {}, element("figcaption", {}, title), this.#place, this.#legend));
    const line = ({ color, dash }) => ({ stroke: colour(color), width: 1.5, dash: dash && [6, 3] });
    const options = {
      width: Math.max(200, this.#place.clientWidth),
      height: HEIGHT_PX,
      legend: { show: false },
      cursor: { sync: { key: "hour" }, drag: { x: false }, y: false },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      scales: { x: { range: (_, low, high) => [Math.max(low, Math.min(this.#from, high - MIN_SPAN_S)), high] }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
      axes: [axis({ size: 26, values: "{HH}:{mm}" }), axis({ size: 64, values: (_, ticks) => ticks.map(text) })],
      series: [{}, ...lines.map(line)],
      hooks: {
        drawClear: [(plot) => this.#series && bands(plot, this.#series)],
        setCursor: [(plot) => plot.cursor.event && point(plot.cursor.idx)],
      },
    };
    this.#plot = new uPlot(options, [[], ...lines.map(() => [])], this.#place);
    new ResizeObserver(() => {
      this.#plot.setSize({ width: this.#place.clientWidth, height: HEIGHT_PX });
      this.#point();
    }).observe(this.#place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#plot.redraw(false, true));
  }

  show(series) {
    this.#series = series;
    const values = this.#lines.map(({ read }) => read(series));
    const known = series.at.findIndex((_, n) => values.some((line) => line[n] !== null));
    this.#from = (series.at[known] ?? 0) / 1000;
    this.#plot.setData([series.at.map((ms) => ms / 1000), ...values]);
    const most = (numbers) => numbers.reduce((one, other) => Math.max(one, other ?? 0), 0);
    const said = this.#lines.map(({ name }, n) => `${name} at most ${this.#text(most(values[n]))}`);
    this.#place.setAttribute("aria-label", `${this.title} in the last hour: ${said.join(", ")}`);
  }

  /** Marks a step, or none. */
  mark(step) {
    this.#step = step;
    this.#point();
  }

  #point() {
    const left = this.#step === null ? -10 : this.#plot.valToPos(this.#series.at[this.#step] / 1000, "x");
    this.#plot.setCursor({ left, top: 0 }, false);
  }

  /** Shows the values of a step beside the names of the lines, and returns them as text. */
  describe(step) {
    const rows = this.#lines.map(({ name, color, dash, read }) => ({ name, color, dash, said: this.#text(read(this.#series)[step]) }));
    const item = ({ color, dash }) => element("li", { class: `${color.slice(2)}${dash ? " dash" : ""}` });
    keyed(this.#legend, rows, ({ name }) => name, item, (node, { name, said }) => setText(node, `${name} ${said}`));
    return rows.map(({ name, said }) => `${name} ${said}`).join(", ");
  }
}
