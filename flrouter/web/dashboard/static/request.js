// The page of a correlation id: every request with it, and how each ended.

import "./search.js";
import { byId, element, keyed, setText } from "./dom.js";
import { follow, id } from "./one.js";
import { pastList } from "./past.js";
import { api, page, read } from "./site.js";
import { count, moment, plural } from "./text.js";

const MAX_SHOWN = 200;
const link = (kind, name) => element("a", { href: page(kind, name) }, name);

function steps(row) {
  const items = [];
  const step = (...said) => items.push(element("li", {}, ...said));
  step(row.received ? `${moment(row.received)}: taken by shard ${row.shard}` : `taken by shard ${row.shard}`,
    row.origin ? `, read from ${row.origin}` : "");
  if (row.parts) step(`${count(row.parts_ended)} of ${plural(row.parts, "part")} have ended`);
  if (row.switch) step("for switch ", link("switch", row.switch));
  if (row.floodlight) step("sent to ", link("floodlight", row.floodlight));
  if (row.state === "acknowledged") step("acknowledged, waiting for the answer");
  if (row.state === "held") step("waits for a floodlight that its switch is connected to");
  if (row.ended) {
    const took = row.received ? `, after ${count(row.ended - row.received)} ms` : "";
    const how = row.error ? `answered by the router with ${row.error}` : "answered";
    step(`${moment(row.ended)}${took}: ${how}`, row.reply_topic ? `, to ${row.reply_topic}` : "");
  } else if (row.due) step(`${moment(row.due)}: deadline; then it is answered with an error`);
  if (row.blacklisted) step(`${moment(row.blacklisted)}: until then late answers are dropped`);
  return items;
}

function card(node, row) {
  const said = JSON.stringify(row);
  if (node.dataset.said === said) return;
  node.dataset.said = said;
  const state = element("span", { class: `state ${row.state}` }, row.state);
  node.replaceChildren(element("h2", {}, `Request ${row.request} `, state), element("ol", { class: "steps" }, ...steps(row)));
}

async function look() {
  const { requests, missing } = await read(api(`requests/${encodeURIComponent(id)}`));
  const list = byId("requests");
  keyed(list, requests.slice(0, MAX_SHOWN), (row) => row.request, () => element("article", { class: "card" }), card);
  const left = requests.length - MAX_SHOWN;
  const more = [left > 0 ? `${count(left)} more are not shown` : "", missing.length ? `did not answer: ${missing.join(", ")}` : ""];
  setText(byId("title"), [`Request ${id}`, ...more.filter(Boolean)].join(" – "));
  document.title = `${id} – flrouter`;
}

if (byId("history")) {
  byId("past").replaceChildren(element("a", { href: pastList("requests", { correlation_id: id }) }, "In the history"));
  byId("past").hidden = false;
}
follow(look);
