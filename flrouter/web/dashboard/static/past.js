// What the pages of the history share: addresses and words.

import { dashboard } from "./site.js";
import { clock, moment, plural, span } from "./text.js";

/** The page of a request of the history. */
export const pastRequest = (id) => dashboard(`history/request/${encodeURIComponent(id)}`);

/** A time as in the filters. */
export const inAddress = (ms) => new Date(ms).toISOString().slice(0, 19);

/** A list of the history: `what` is requests or events. */
export const pastList = (what, asked) => `${dashboard(`history/${what}`)}?${new URLSearchParams(asked)}`;

export const result = ({ error }) =>
  error ? { text: error, state: "failed" } : { text: "completed", state: "answered" };

/** The time between two steps, if both are known. */
export const between = (from, to) => (from && to ? span(to - from) : "–");

export const at = (time, now = Date.now()) => ({ text: clock(time, now), title: moment(time) });

/** How many rows there are, and how far back the history goes. */
export function summary(what, { items, next, oldest }) {
  const since = oldest ? `the history begins ${clock(oldest)}` : "the history is empty";
  if (!items.length) return `No ${what}s of this kind; ${since}`;
  return `${plural(items.length, what)}${next ? ", and older ones" : ""}; ${since}`;
}

const WORDS = { order: "change" };
const GRAVE = new Set(["outage", "sync failed", "removed"]);
const GOOD = new Set(["recovered", "sync", "added", "undrained"]);

/** The kind of an event as a badge. */
export const badge = ({ kind }) => ({
  text: WORDS[kind] ?? kind,
  state: GRAVE.has(kind) ? "outage" : GOOD.has(kind) ? "up" : kind === "drained" ? "drained" : "sent",
});

/** The text of an event, with the duration of what it ended. */
export const details = ({ text, began, at: ended }) =>
  [text, began && ended > began ? `lasted ${span(ended - began)}` : ""].filter(Boolean).join("; ") || "–";
