// The dashboard.

import "./search.js";
import { byId, element, facts, keyed, setText, tableRows } from "./dom.js";
import { showFeed } from "./feed.js";
import { watch } from "./live.js";
import { floodlightState } from "./one.js";
import { drawPicture } from "./picture.js";
import { problems } from "./problems.js";
import { Rates, commandsIn, endedIn } from "./rates.js";
import { followSeries } from "./series.js";
import { page } from "./site.js";
import { ago, clock, count, duration, number, plural, ranges, rate, since } from "./text.js";

const rates = new Rates();
let newest = null;

function sync({ sync: status, synced }, now) {
  if (!status) return synced ? "completed" : "–";
  if (status.running) return `running, ${plural(status.links, "link")} received`;
  if (!status.ended) return status.began ? "aborted" : synced ? "completed" : "never";
  return { text: `${status.succeeded ? "completed" : "failed"} ${ago(status.ended, now)} ago` };
}

function floodlight(row, now) {
  const [p50, p95] = rates.within(row, 0.5, 0.95);
  const counted = (what) => number(row.counts[what] ?? 0);
  const cells = [
    { text: row.id, href: page("floodlight", row.id) },
    floodlightState(row),
    since(row.since, now),
    number(row.switches),
    number(row.holds),
    number(rate(rates.of(row, "commands"))),
    number(row.pending),
    number(duration(p50)),
    number(duration(p95)),
    counted("late"),
    counted("write_errors"),
    counted("outages"),
    sync(row, now),
  ];
  return { key: row.id, cells };
}

function worker(row, shards, now) {
  const own = shards.filter((shard) => row.shards.includes(shard.shard));
  const sum = (what) => number(own.reduce((total, shard) => total + shard[what], 0));
  const good = row.answering && row.ready;
  const state = good ? "ready" : row.answering ? row.reason : "does not answer";
  const cells = [
    row.url,
    { text: state, state: good ? "up" : "outage" },
    since(row.started, now),
    ranges(row.shards) || "none",
    sum("switches"),
    sum("pending"),
    sum("blacklist"),
    sum("waiting"),
    number(row.lag),
    row.version || "–",
  ];
  return { key: row.url, cells };
}

function totals({ ended, dead_letters, shards, floodlights }) {
  const sum = (rows, what) => rows.reduce((total, row) => total + row[what], 0);
  const all = endedIn({ ended });
  const perSecond = (read) => rate(rates.per(read));
  return [
    ["commands/s to FLs", perSecond(commandsIn)],
    ["answers/s", perSecond((each) => each.ended.answered ?? 0)],
    ["errors/s", perSecond((each) => endedIn(each) - (each.ended.answered ?? 0))],
    ["switches", count(sum(shards, "switches"))],
    ["pending", count(sum(shards, "pending"))],
    ["on the blacklist", count(sum(shards, "blacklist"))],
    ["lag", count(sum(shards, "lag"))],
    ["late answers", count(floodlights.reduce((n, { counts }) => n + (counts.late ?? 0), 0))],
    ["dead letters", count(dead_letters)],
    ["failed / completed", `${count(all - (ended.answered ?? 0))} / ${count(all)}`],
  ];
}

function verdict(wrong, { floodlights }) {
  if (wrong.size) return plural(wrong.size, "problem");
  return floodlights.length === 1 ? "All is well: the floodlight answers" : `All is well: ${count(floodlights.length)} floodlights answer`;
}

function show(snapshot) {
  newest = snapshot;
  snapshot.floodlights.sort((one, other) => one.id.localeCompare(other.id, "en", { numeric: true }));
  rates.take(snapshot);
  const wrong = problems(snapshot, rates);
  setText(byId("verdict"), verdict(wrong, snapshot));
  document.title = wrong.size ? `(${wrong.size}) flrouter` : "flrouter";
  byId("problems").hidden = !wrong.size;
  keyed(byId("problems"), [...wrong], ([key]) => key, () => element("li"), (line, [, text]) => setText(line, text));
  keyed(byId("totals"), totals(snapshot), ([name]) => name, () => element("div"), (group, pair) => {
    facts(group, [pair]);
  });
  const now = snapshot.at;
  tableRows(byId("floodlights"), snapshot.floodlights.map((row) => floodlight(row, now)));
  tableRows(byId("workers"), snapshot.workers.map((row) => worker(row, snapshot.shards, now)));
  showFeed(snapshot.feed, now);
  drawPicture(snapshot, rates);
}

function doubt(since) {
  setText(byId("verdict"), `Unknown: no update since ${clock(since)}`);
  document.title = "(?) flrouter";
}

watch(show, doubt);
addEventListener("resize", () => newest && drawPicture(newest, rates));
followSeries();
