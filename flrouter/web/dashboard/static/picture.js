// The picture: requesters → shards → FLs → switches. From left to right, on a phone downwards.
// The tables say the same, so a screen reader hears one sentence.

import { byId } from "./dom.js";
import { BEHIND_RECORDS } from "./problems.js";
import { commandsIn, endedIn } from "./rates.js";
import { box, draw, label } from "./svg.js";
import { count, plural, rate } from "./text.js";

const GAP_PX = 64;

/** A text cut to a width in the middle: names mostly differ at their ends. */
const cut = (text, width) => {
  const longest = Math.max(8, Math.floor(width / 6.8));
  return text.length > longest ? `${text.slice(0, longest - 6)}…${text.slice(-5)}` : text;
};

/** A block of lines of text. */
function lines(width, all) {
  return {
    width,
    height: 20 + all.length * 20,
    paint: (x, y) => [
      box(x, y, width, 20 + all.length * 20),
      ...all.map(([text, kind], n) => label(x + width / 2, y + 25 + n * 20, text, kind, "middle")),
    ],
  };
}

/** Each worker with its shards, a square each. */
function workers(width, { workers: all, shards }) {
  const cell = shards.length > 128 ? 8 : 14;
  const across = Math.max(1, Math.floor((width - 16) / (cell + 3)));
  const bad = new Map(shards.map((row) => [row.shard, row.held_back || row.lag > BEHIND_RECORDS]));
  const heights = all.map((each) => 34 + Math.max(1, Math.ceil(each.shards.length / across)) * (cell + 3));
  return {
    width,
    height: heights.reduce((sum, each) => sum + each + 8, -8),
    paint: (x, y) =>
      all.flatMap((worker, n) => {
        const top = y + heights.slice(0, n).reduce((sum, each) => sum + each + 8, 0);
        const name = worker.url.replace(/^https?:\/\//, "");
        return [
          box(x, top, width, heights[n], worker.answering && worker.ready ? "" : "tile-outage"),
          label(x + 8, top + 18, cut(name, width - 16)),
          ...worker.shards.map((shard, at) => {
            const kind = worker.answering ? (bad.get(shard) ? "cell-behind" : "cell") : "cell-missing";
            const [row, column] = [Math.floor(at / across), at % across];
            return box(x + 8 + column * (cell + 3), top + 26 + row * (cell + 3), cell, cell, kind);
          }),
        ];
      }),
  };
}

/** A tile for each FL: its state, its name, its switches. */
function floodlights(width, all, rates) {
  const across = Math.min(all.length || 1, Math.max(1, Math.floor(width / 104)), all.length > 6 ? 99 : 1);
  const tile = { width: (width - (across - 1) * 6) / across, height: 40 };
  return {
    width,
    height: Math.max(1, Math.ceil(all.length / across)) * (tile.height + 6) - 6,
    paint: (x, y) =>
      all.flatMap((each, n) => {
        const left = x + (n % across) * (tile.width + 6);
        const top = y + Math.floor(n / across) * (tile.height + 6);
        const mark = { outage: "✕ ", drained: "◌ ", unknown: "? " }[each.state] ?? "";
        const said = each.state === "up" ? `${rate(rates.of(each, "commands"))}/s` : each.state;
        const below = `${said} · ${count(each.switches)}`;
        return [
          box(left, top, tile.width, tile.height, `tile-${each.state}`),
          label(left + 8, top + 16, cut(mark + each.id, tile.width - 16)),
          label(left + 8, top + 32, cut(below, tile.width - 10), "soft"),
        ];
      }),
  };
}

const thickness = (perSecond) => 2 + Math.min(10, Math.log2(1 + (perSecond ?? 0)));

export function drawPicture(snapshot, rates) {
  const place = byId("picture");
  const wide = place.clientWidth >= 700;
  const width = Math.max(320, place.clientWidth);
  const all = snapshot.floodlights;
  const sent = rates.per(commandsIn);
  const ended = rates.per(endedIn);
  const switches = snapshot.shards.reduce((sum, each) => sum + each.switches, 0);
  const of = (kind) => all.reduce((sum, each) => sum + (kind(each.state) ? each.switches : 0), 0);
  const fates = [
    [of((state) => state === "up" || state === "drained"), "active"],
    [of((state) => state === "outage"), "unmanaged"],
    [of((state) => state === "unknown"), "unknown"],
  ].filter(([n, fate]) => n || fate === "active");
  const full = width - 2;
  const inner = wide ? full - 3 * GAP_PX - 2 * 130 : full;
  const blocks = [
    ["Requesters", lines(wide ? 130 : full, [[`${rate(ended)}/s`, "big"], ["answered", "soft"]])],
    ["Shards", workers(wide ? Math.min(260, inner * 0.35) : full, snapshot)],
    ["Floodlights", floodlights(wide ? inner - Math.min(260, inner * 0.35) : full, all, rates)],
    ["Switches", lines(wide ? 130 : full, [[count(switches), "big"], ...fates.map(([n, fate]) => [`${count(n)} ${fate}`, "soft"])])],
  ];
  const nodes = [];
  const tallest = Math.max(...blocks.map(([, block]) => block.height));
  let [x, y] = [1, 24];
  blocks.forEach(([name, block], n) => {
    const top = wide ? y + (tallest - block.height) / 2 : y;
    nodes.push(label(x, wide ? 14 : y - 8, name, "head"), ...block.paint(x, top));
    const last = n === blocks.length - 1;
    const stroke = { "stroke-width": thickness(n === 1 ? sent : ended) };
    if (wide) {
      const middle = y + tallest / 2;
      if (!last) nodes.push(draw("path", { d: `M${x + block.width + 6} ${middle}h${GAP_PX - 12}`, ...stroke }));
      x += block.width + GAP_PX;
    } else {
      y += block.height + 40;
      if (!last) nodes.push(draw("path", { d: `M${full / 2} ${y - 36}v22`, ...stroke }));
    }
  });
  const height = wide ? 24 + tallest + 4 : y - 36;
  const out = all.filter(({ state }) => state === "outage").length;
  const sentence =
    `${plural(snapshot.workers.length, "worker")} with ${plural(snapshot.shards.length, "shard")} send ` +
    `${rate(sent)} commands a second to ${plural(all.length, "floodlight")}, ${out} of them in outage, ` +
    `with ${plural(switches, "switch", "switches")}`;
  const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": sentence });
  picture.append(...nodes);
  place.replaceChildren(picture);
}
