// A time line: a lane for each request or event, over one axis of time.
// The lists below it say the same, so a screen reader hears one sentence.

import { draw, label } from "./svg.js";
import { offset } from "./text.js";

const LANE_PX = 34;
const HEAD_PX = 24;
const BAR_PX = 12;
const MIN_BAR_PX = 3;

/** 1, 2 or 5 times a power of ten, of which at most `count` fit. */
function step(length, count) {
  const least = Math.max(length / count, 1);
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((times) => times * power).find((size) => size >= least);
}

/**
 * `lanes`: [{ name, bars: [{ from, to, kind, title }] }]; `axis`: { from, to, zero }, what is shown, and
 * the moment that times are relative to. What is outside is cut.
 */
export function drawTimeline(place, lanes, { from, to, zero }, sentence) {
  const width = Math.max(300, place.clientWidth);
  const height = HEAD_PX + lanes.length * LANE_PX + 4;
  const scale = (ms) => 1 + ((Math.min(Math.max(ms, from), to) - from) / (to - from)) * (width - 2);
  const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": sentence });
  const every = step(to - from, width / 110);
  for (let n = Math.ceil((from - zero) / every); zero + n * every <= to; n += 1) {
    const tick = n * every;
    const x = scale(zero + tick);
    picture.append(draw("path", { d: `M${x} ${HEAD_PX - 6}V${height}`, class: "grid" }));
    if (x < width - 60) picture.append(label(x + 3, HEAD_PX - 10, offset(tick), "soft"));
  }
  lanes.forEach(({ name, bars }, n) => {
    const top = HEAD_PX + n * LANE_PX;
    picture.append(label(3, top + 13, name));
    for (const { from: begin, to: end, kind, title } of bars) {
      const x = Math.min(scale(begin), width - 1 - MIN_BAR_PX);
      const bar = draw("rect", { x, y: top + 18, width: Math.max(scale(end) - x, MIN_BAR_PX), height: BAR_PX, class: `bar-${kind}` });
      bar.append(draw("title", {}, title));
      picture.append(bar);
    }
  });
  place.replaceChildren(picture);
}
