// Requests that have ended, as far back as the history goes.

import "./search.js";
import { byId, setText, tableRows } from "./dom.js";
import { asked, pager, query } from "./filters.js";
import { floodlightLink, once, switchLink } from "./one.js";
import { at, between, pastList, pastRequest, result, summary } from "./past.js";
import { api, read } from "./site.js";

/** The parameters for the API, which has two for the result. */
function wanted() {
  const made = query();
  const result = made.get("result");
  made.delete("result");
  if (result === "completed") made.set("completed", "true");
  else if (result) made.set("error", result === "failed" ? "any" : result);
  return made;
}

function row(request, now) {
  const cells = [
    { ...at(request.answered, now), href: pastRequest(request.id) },
    request.part < 0 ? request.correlation_id : `${request.correlation_id} (part ${request.part})`,
    request.kind || "–",
    switchLink(request.switch),
    floodlightLink(request.floodlight),
    { ...result(request), title: request.message },
    { text: between(request.received, request.answered), number: true },
  ];
  return { key: request.id, cells };
}

const same = ["switch", "floodlight", "since", "until"].filter((name) => asked.get(name)).map((name) => [name, asked.get(name)]);
byId("events").href = pastList("events", same);

once(async () => {
  const page = await read(api(`history?${wanted()}`));
  setText(byId("summary"), summary("request", page));
  tableRows(byId("rows"), page.items.map((request) => row(request, Date.now())));
  pager(page.next);
});
