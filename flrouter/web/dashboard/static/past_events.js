// What happened to FLs and switches, and who ordered what.

import "./search.js";
import { byId, setText, tableRows } from "./dom.js";
import { pager, query } from "./filters.js";
import { floodlightLink, once, switchLink } from "./one.js";
import { at, badge, details, summary } from "./past.js";
import { api, read } from "./site.js";

function row(event, now) {
  const cells = [
    at(event.at, now),
    badge(event),
    floodlightLink(event.floodlight),
    switchLink(event.switch),
    details(event),
    event.who || "–",
    event.source || "–",
    event.result || "–",
  ];
  return { key: event.id, cells };
}

once(async () => {
  const page = await read(api(`history/events?${query()}`));
  setText(byId("summary"), summary("event", page));
  tableRows(byId("rows"), page.items.map((event) => row(event, Date.now())));
  pager(page.next);
});
