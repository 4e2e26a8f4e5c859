// What else happened at the FL of a request meanwhile: outages, moves, syncs, changes, requests.

import { byId, setText, tableRows } from "./dom.js";
import { bars, begin, end } from "./hops.js";
import { floodlightLink, switchLink } from "./one.js";
import { badge, details, inAddress, pastList, pastRequest, result } from "./past.js";
import { api, read } from "./site.js";
import { moment, offset, span } from "./text.js";

const AROUND_MS = 5000; // before and after it
const MAX_EVENTS = 100;
const MAX_REQUESTS = 50;

const events = async (asked) => read(api(`history/events?${new URLSearchParams(asked)}`));

/** The event that began the outage of an FL at a moment; empty if it was up. */
async function lasting(floodlight, time) {
  const last = async (kind) => (await events({ floodlight, kind, until: time, limit: 1 })).items[0];
  const [outage, recovered] = await Promise.all([last("outage"), last("recovered")]);
  return outage && !(recovered?.at >= outage.at) ? [outage] : [];
}

/** { events, requests, more, asked }, of its FL only if it had one. */
export async function around(request) {
  const { floodlight } = request;
  const asked = { since: begin(request) - AROUND_MS, until: end(request) + AROUND_MS, ...(floodlight && { floodlight }) };
  const [known, requests, before] = await Promise.all([
    events({ ...asked, limit: MAX_EVENTS }),
    floodlight ? read(api(`history?${new URLSearchParams({ ...asked, limit: MAX_REQUESTS })}`)) : { items: [], next: null },
    floodlight ? lasting(floodlight, asked.since) : [],
  ]);
  return {
    events: [...before, ...known.items.reverse()],
    requests: requests.items.filter(({ request: number }) => number !== request.request).reverse(),
    more: Boolean(known.next || requests.next),
    asked,
  };
}

/** Lanes of outages; one that goes on has no end. */
function outages(all) {
  const ends = all.filter(({ kind }) => kind === "recovered").sort((one, other) => one.at - other.at);
  const begun = all.filter(({ kind }) => kind === "outage").map(({ floodlight, at: from }) => ({
    floodlight,
    from,
    to: ends.find((other) => other.floodlight === floodlight && other.at >= from)?.at ?? Infinity,
  }));
  const seen = new Set(begun.map(({ to }) => to));
  const before = ends.filter(({ began, at: to }) => began && !seen.has(to)).map(({ floodlight, began, at: to }) => ({ floodlight, from: began, to }));
  return [...begun, ...before].map(({ floodlight, from, to }) => ({
    name: `outage of ${floodlight}`,
    bars: [{ from, to, kind: "failed", title: to === Infinity ? "not over then" : span(to - from) }],
  }));
}

/** All lanes. */
export function lanes({ events: all, requests }) {
  const others = all.filter(({ kind }) => kind !== "outage" && kind !== "recovered").map((event) => ({
    name: [badge(event).text, event.floodlight && `at ${event.floodlight}`].filter(Boolean).join(" "),
    bars: [{ from: event.began || event.at, to: event.at, kind: event.kind === "sync" ? "sync" : event.kind === "sync failed" ? "failed" : "event", title: details(event) }],
  }));
  const beside = requests.map((request) => ({
    name: request.correlation_id,
    bars: bars(request).map((bar) => ({ ...bar, kind: `${bar.kind} other` })),
  }));
  return [...outages(all), ...others, ...beside];
}

/** The same as a table, oldest first. */
export function showMeanwhile(request, { events: all, requests, more, asked }) {
  const { floodlight } = request;
  const told = (event) => [details(event), event.who && `by ${event.who} from ${event.source}`, event.result].filter(Boolean).join("; ");
  const rows = [
    ...all.map((event) => ({ key: `event ${event.id}`, of: event, time: event.at, what: badge(event), text: told(event) })),
    ...requests.map((other) => ({
      key: `request ${other.id}`,
      of: other,
      time: other.answered,
      what: result(other),
      text: { text: other.correlation_id, href: pastRequest(other.id) },
    })),
  ].sort((one, other) => one.time - other.time);
  byId("meanwhile").hidden = false;
  setText(byId("h-meanwhile"), floodlight ? `Meanwhile at ${floodlight}` : "Meanwhile");
  setText(byId("meanwhile-note"), !rows.length ? "Nothing else is known of that time." : more ? "There was more: not all of it is here." : "");
  byId("meanwhile-table").hidden = !rows.length;
  tableRows(
    byId("meanwhile-rows"),
    rows.map(({ key, of, time, what, text }) => ({ key, cells: [{ text: offset(time - begin(request)), title: moment(time) }, what, floodlightLink(of.floodlight), switchLink(of.switch), text] })),
  );
  const span = { ...asked, since: inAddress(asked.since), until: inAddress(asked.until + 1000) };
  byId("requests-then").href = pastList("requests", span);
  byId("events-then").href = pastList("events", span);
}
