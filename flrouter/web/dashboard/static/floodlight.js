// The page of an FL.

import "./search.js";
import { offer, outcome } from "./change.js";
import { byId, facts, setText, tableRows } from "./dom.js";
import { floodlightLink, floodlightState, follow, id, offerPast, requestRow, switchLink } from "./one.js";
import { followSeries } from "./series.js";
import { api, read } from "./site.js";
import { ago, count, moment, number, plural, since } from "./text.js";

const MAX_ROWS = 50;
const name = encodeURIComponent(id);
let after = "";
let next = null;

function show({ floodlight: row, missing }, now) {
  const { sync } = row;
  setText(byId("title"), `Floodlight ${row.id}`);
  document.title = `${row.id} – flrouter`;
  facts(byId("facts"), [
    ["State", floodlightState(row)],
    ["Since", `${moment(row.since)} (${ago(row.since, now)})`],
    ["Active for", `${count(row.switches)} switches`],
    ["Connected to", `${count(row.holds)} switches`],
    ["Pending", count(row.pending)],
    ["Region and weight", `${row.region || "none"}, ${row.weight}`],
    ["Acknowledges commands", row.acks ? "yes" : "no"],
    ["Last sync", sync ? `began ${moment(sync.began)}, ended ${moment(sync.ended)}${sync.running ? ", runs now" : ""}` : "–"],
    ["Next sync", sync?.planned ? moment(sync.planned) : "–"],
    ["Counted", Object.entries(row.counts).map(([what, n]) => `${what} ${count(n)}`).sort().join(", ") || "nothing"],
    ...(missing.length ? [["Did not answer", missing.join(", ")]] : []),
  ]);
}

function changes({ id: name, drained, switches, sync, state }) {
  const path = `floodlights/${encodeURIComponent(name)}`;
  const drain = {
    label: "Drain…",
    question: `Drain ${name}?`,
    consequence: `The ${plural(switches, "switch", "switches")} that it is active for move to other floodlights that are connected to them, and it gets none until it is undrained.`,
    path: `${path}/drain`,
    done: (row) => row.drained,
    result: `${name} is drained`,
  };
  const undrain = {
    label: "Undrain…",
    question: `Undrain ${name}?`,
    consequence: "It may be active for switches again.",
    path: `${path}/undrain`,
    done: (row) => !row.drained,
    result: `${name} is undrained`,
  };
  const began = sync?.began ?? 0;
  const ask = {
    label: "Sync…",
    question: `Sync ${name}?`,
    consequence: "It is asked for all switches that it is connected to.",
    path: `${path}/sync`,
    done: (row) => row.sync && row.sync.began > began && !row.sync.running,
    result: `${name} was synced`,
  };
  return [drained ? undrain : drain, ...(state === "outage" ? [] : [ask])];
}

function held(row, now) {
  const own = row.holders.find(({ floodlight }) => floodlight === id);
  const cells = [switchLink(row.id), own?.mode ?? "–", since(own?.since, now), floodlightLink(row.active), number(row.shard)];
  return { key: row.id, cells };
}

async function look() {
  const [one, switches, pending] = await Promise.all([
    read(api(`floodlights/${name}`)),
    read(api(`switches?floodlight=${name}&limit=${MAX_ROWS}&after=${encodeURIComponent(after)}`)),
    read(api(`pending?floodlight=${name}&limit=${MAX_ROWS}`)),
  ]);
  const now = Date.now();
  show(one, now);
  offer(byId("changes"), changes(one.floodlight));
  outcome(one.floodlight);
  next = switches.next;
  byId("next").disabled = !next;
  byId("first").disabled = !after;
  tableRows(byId("switches"), switches.items.map((row) => held(row, now)));
  tableRows(byId("pending"), pending.items.map((row) => requestRow(row, now)));
}

byId("next").addEventListener("click", () => {
  after = next ?? after;
  look().catch(() => {});
});
byId("first").addEventListener("click", () => {
  after = "";
  look().catch(() => {});
});
offerPast({ floodlight: id });
follow(look);
followSeries(`floodlight=${name}`);
