// One request of the history: every hop, its parts, and what else happened at its FL then.

import "./search.js";
import { byId, element, facts, setText, tableRows } from "./dom.js";
import { bars, begin, end, hops } from "./hops.js";
import { around, lanes, showMeanwhile } from "./meanwhile.js";
import { floodlightLink, id, once, switchLink } from "./one.js";
import { between, pastRequest, result } from "./past.js";
import { api, page, read } from "./site.js";
import { drawTimeline } from "./timeline.js";
import { count, moment, offset } from "./text.js";

/** Lanes of the request and its parts, and of the rest; the tables have all. */
const MAX_OWN = 40;
const MAX_OTHERS = 12;

function showFacts(request) {
  facts(byId("facts"), [
    ["Result", result(request)],
    ...(request.message ? [["Error", request.message]] : []),
    ["Kind", request.kind || "–"],
    ["Switch", switchLink(request.switch)],
    ["Floodlight", floodlightLink(request.floodlight)],
    ["Took", between(request.received, request.answered)],
    ...(request.parts ? [["Parts", count(request.parts)]] : []),
    ["Correlation id", { text: request.correlation_id, href: page("request", request.correlation_id) }],
    ["Request number", request.request],
    ["Answer to", request.reply_topic || "–"],
    ...(request.trace ? [["Trace", request.trace]] : []),
    ["Worker", request.worker],
  ]);
}

/** Returns the hops as one sentence. */
function showHops(request) {
  const told = hops(request).map(({ at, text }) => ({ at, text, after: offset(at - begin(request)) }));
  byId("hops").replaceChildren(...told.map(({ at, text, after }) => element("li", {}, `${moment(at)} (${after}): ${text}`)));
  return told.map(({ text, after }) => `${after} ${text}`).join(", ");
}

function showParts(parts) {
  byId("parts").hidden = !parts.length;
  const row = (part) => ({
    key: part.id,
    cells: [
      { text: count(part.part), href: pastRequest(part.id), number: true },
      switchLink(part.switch),
      floodlightLink(part.floodlight),
      ...["sent", "acked", "answered"].map((step) => ({ text: between(part.received, part[step]), number: true })),
      { ...result(part), title: part.message },
    ],
  });
  tableRows(byId("part-rows"), parts.map(row));
}

function showPayloads({ command, answer }) {
  byId("payloads").hidden = !command && !answer;
  facts(byId("payload-texts"), [["Command", command], ["Answer", answer]].filter(([, text]) => text));
}

/** Lanes of the request, of its parts, then of what else happened in that time. */
function timeline(request, parts, then, sentence) {
  const length = Math.max(end(request) - begin(request), 1);
  const axis = { from: begin(request) - length / 8, to: end(request) + length / 8, zero: begin(request) };
  const seen = ({ bars: all }) => all.some(({ from, to }) => to >= axis.from && from <= axis.to);
  const own = [
    { name: request.correlation_id, bars: bars(request) },
    ...parts.map((part) => ({ name: `part ${part.part}${part.floodlight && ` at ${part.floodlight}`}`, bars: bars(part) })),
  ];
  const shown = [...own.slice(0, MAX_OWN), ...lanes(then).filter(seen).slice(0, MAX_OTHERS)];
  drawTimeline(byId("timeline"), shown, axis, sentence);
}

once(async () => {
  const { request, parts } = await read(api(`history/requests/${encodeURIComponent(id)}`));
  const name = request.part < 0 ? "Request" : `Part ${request.part} of request`;
  setText(byId("title"), `${name} ${request.correlation_id}`);
  document.title = `${request.correlation_id} – flrouter`;
  showFacts(request);
  showParts(parts);
  showPayloads(request);
  const sentence = showHops(request);
  let then = { events: [], requests: [] };
  const draw = () => timeline(request, parts, then, sentence);
  draw();
  addEventListener("resize", draw);
  then = await around(request);
  showMeanwhile(request, then);
  draw();
});
