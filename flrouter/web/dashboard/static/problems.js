// What is wrong, worst first: what somebody must see in ten seconds.

import { ago, plural, ranges } from "./text.js";

const BEHIND = 10_000; // records
const MANY = 0.05; // of the requests that ended in the last seconds, and at least
const FLOOR = 1; // a second
/** Errors that requesters make themselves. */
const MISTAKES = ["DATA_INVALID", "PARAMETERS_INVALID", "REQUEST_INVALID"];

/** A text for each, by a key that it keeps while it lasts. */
export function problems({ floodlights, workers, shards, missing_shards, ended, at }, rates) {
  const found = new Map();
  if (missing_shards.length) found.set("missing", `shards ${ranges(missing_shards)} unavailable`);
  else if (!floodlights.length) found.set("none", "no floodlight is known: flrouter floodlight add makes one known");
  for (const { id, state, since, heard } of floodlights) {
    if (state === "outage") found.set(`outage ${id}`, heard === false ? `${id} was never heard of` : `${id} has been down for ${ago(since, at)}`);
  }
  for (const { url, answering, ready, reason } of workers) {
    if (!answering) found.set(url, `worker ${url} does not answer`);
    else if (!ready) found.set(url, `worker ${url} is not ready: ${reason}`);
  }
  for (const { warnings } of workers) for (const text of warnings) found.set(text, text);
  const errors = manyErrors(ended, rates);
  if (errors) found.set("errors", errors);
  for (const row of floodlights) {
    if (rates.of(row, "write_errors")) found.set(`write ${row.id}`, `${row.id} fails to write messages`);
    if (row.state !== "outage" && row.sync?.ended && !row.sync.succeeded) found.set(`sync ${row.id}`, `the last sync of ${row.id} failed`);
  }
  const full = shards.filter((shard) => shard.held_back).map(({ shard }) => shard);
  if (full.length) found.set("full", `shards ${ranges(full)} are full: their commands wait in Kafka`);
  const behind = shards.filter(({ lag }) => lag > BEHIND).map(({ shard }) => shard);
  if (behind.length) found.set("behind", `shards ${ranges(behind)} are more than ${plural(BEHIND, "record")} behind`);
  return found;
}

function manyErrors(ended, rates) {
  const perSecond = (kinds) => rates.per((each) => kinds.reduce((sum, kind) => sum + (each.ended[kind] ?? 0), 0));
  const kinds = Object.keys(ended);
  const wrong = kinds.filter((kind) => kind !== "answered" && !MISTAKES.includes(kind));
  const [errors, all] = [perSecond(wrong), perSecond(kinds)];
  if (errors < FLOOR || errors <= MANY * all) return "";
  const worst = wrong.reduce((one, other) => (perSecond([other]) > perSecond([one]) ? other : one));
  return `${Math.round((100 * errors) / all)} % of requests fail in the router, mostly with ${worst}`;
}
