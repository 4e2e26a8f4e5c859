// The hops of a request: each step that it took, as a sentence and as a bar of its time line.

import { span } from "./text.js";

/** When it came and when it ended, as far as known. */
export const begin = ({ received, answered }) => received || answered;
export const end = ({ delivered, answered }) => delivered || answered;

/** [{ at, text }] in order, without steps that did not happen or are unknown. */
export function hops(request) {
  const { floodlight, parts, error, message, reply_topic: topic } = request;
  const failed = error && `failed by the router with ${error}${message ? `: ${message}` : ""}`;
  const completed = parts ? `answer put together of ${parts} parts` : floodlight ? `answered by ${floodlight}` : "answered";
  return [
    { at: request.received, text: `received by shard ${request.shard}${request.origin ? `, read from ${request.origin}` : ""}` },
    { at: request.sent, text: `sent to ${floodlight}` },
    { at: request.acked, text: `acknowledged by ${floodlight}` },
    { at: request.answered, text: failed || completed },
    { at: request.delivered, text: `delivered${topic ? ` to ${topic}` : ""}` },
  ].filter(({ at }) => at);
}

/** Where it was from one step to the next known one. */
const STAGES = [
  { from: "received", kind: "router", title: "in the router" },
  { from: "sent", kind: "sent", title: "on its way to the floodlight" },
  { from: "acked", kind: "floodlight", title: "at the floodlight" },
  { from: "answered", kind: "delivery", title: "being delivered" },
  { from: "delivered" },
];

function stage(request, { from, kind, title }, next) {
  if (request.error && next === "answered") return { kind: "failed", title: `${title}, until it failed` };
  if (from === "received" && request.parts) return { kind, title: "waiting for its parts" };
  if (from === "sent" && next === "answered") return { kind: "floodlight", title: "at the floodlight" };
  return { kind, title };
}

export function bars(request) {
  const known = STAGES.filter(({ from }) => request[from]);
  return known.slice(0, -1).map((one, n) => {
    const next = known[n + 1].from;
    const [from, to] = [request[one.from], request[next]];
    const { kind, title } = stage(request, one, next);
    return { from, to, kind, title: `${title}, ${span(to - from)}` };
  });
}
