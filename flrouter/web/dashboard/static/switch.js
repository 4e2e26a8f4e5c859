// The page of a switch.

import "./search.js";
import { offer, outcome } from "./change.js";
import { byId, facts, setText, tableRows } from "./dom.js";
import { floodlightLink, follow, id, offerPast, requestRow } from "./one.js";
import { followSeries } from "./series.js";
import { api, read } from "./site.js";
import { since } from "./text.js";

/** Moves to every master that is not active: a switch takes no commands of others. */
function moves({ id: name, active, holders }) {
  return holders.filter(({ floodlight, mode }) => mode === "RW" && floodlight !== active).map(({ floodlight: to }) => ({
    label: `Move to ${to}…`,
    question: `Move ${name} to ${to}?`,
    consequence: `${to} gets its commands from now on${active ? `, and ${active} no more` : ""}. It stays there until ${to} loses it or is drained.`,
    path: `switches/${encodeURIComponent(name)}/move`,
    body: { floodlight: to },
    done: (row) => row.active === to,
    result: `${to} is active for ${name}`,
  }));
}

async function look() {
  const { switch: row, pending } = await read(api(`switches/${encodeURIComponent(id)}`));
  const now = Date.now();
  setText(byId("title"), `Switch ${row.id}`);
  document.title = `${row.id} – flrouter`;
  facts(byId("facts"), [
    ["Active floodlight", floodlightLink(row.active)],
    ["State", row.unmanaged ? { text: "unmanaged", state: "outage" } : row.active ? { text: "managed", state: "up" } : { text: "no active floodlight", state: "held" }],
    ["Shard", String(row.shard)],
    ["Region", row.region || "none"],
    ["Pinned by an operator", row.pinned ? "yes" : "no"],
  ]);
  offer(byId("changes"), moves(row));
  outcome(row);
  const holder = ({ floodlight, mode, since: at }) => ({
    key: floodlight,
    cells: [floodlightLink(floodlight), mode, since(at, now), floodlight === row.active ? "yes" : "no"],
  });
  tableRows(byId("holders"), row.holders.map(holder));
  tableRows(byId("pending"), pending.map((each) => requestRow(each, now)));
}

offerPast({ switch: id });
follow(look);
followSeries(`switch=${encodeURIComponent(id)}`, ["answered", "failed", "p50", "p95"]);
