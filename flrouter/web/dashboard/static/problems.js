// What is wrong, worst first.

import { ago, plural, ranges } from "./text.js";

export const BEHIND_RECORDS = 10_000;
/** Errors are many if they are this part of all requests that ended, and so many a second. */
const MANY_PART = 0.05;
const MANY_PER_S = 1;
/** Errors of requesters. */
const MISTAKES = ["DATA_INVALID", "PARAMETERS_INVALID", "REQUEST_INVALID"];

/** Key → text; a problem keeps its key while it lasts. */
export function problems({ floodlights, workers, shards, missing_shards, ended, at }, rates) {
  const texts = new Map();
  if (missing_shards.length) texts.set("missing", `shards ${ranges(missing_shards)} unavailable`);
  else if (!floodlights.length) texts.set("none", "no floodlight is known: flrouter floodlight add makes one known");
  for (const { id, state, since, heard } of floodlights) {
    if (state === "outage") texts.set(`outage ${id}`, heard === false ? `${id} was never heard of` : `${id} has been down for ${ago(since, at)}`);
  }
  for (const { url, answering, ready, reason } of workers) {
    if (!answering) texts.set(url, `worker ${url} does not answer`);
    else if (!ready) texts.set(url, `worker ${url} is not ready: ${reason}`);
  }
  for (const { warnings } of workers) for (const text of warnings) texts.set(text, text);
  const errors = manyErrors(ended, rates);
  if (errors) texts.set("errors", errors);
  for (const row of floodlights) {
    if (rates.of(row, "write_errors")) texts.set(`write ${row.id}`, `${row.id} fails to write messages`);
    if (row.state !== "outage" && row.sync?.ended && !row.sync.succeeded) texts.set(`sync ${row.id}`, `the last sync of ${row.id} failed`);
  }
  const full = shards.filter((shard) => shard.held_back).map(({ shard }) => shard);
  if (full.length) texts.set("full", `shards ${ranges(full)} are full: their commands wait in Kafka`);
  const behind = shards.filter(({ lag }) => lag > BEHIND_RECORDS).map(({ shard }) => shard);
  if (behind.length) texts.set("behind", `shards ${ranges(behind)} are more than ${plural(BEHIND_RECORDS, "record")} behind`);
  return texts;
}

function manyErrors(ended, rates) {
  const perSecond = (kinds) => rates.per((each) => kinds.reduce((sum, kind) => sum + (each.ended[kind] ?? 0), 0));
  const kinds = Object.keys(ended);
  const wrong = kinds.filter((kind) => kind !== "answered" && !MISTAKES.includes(kind));
  const [errors, all] = [perSecond(wrong), perSecond(kinds)];
  if (errors < MANY_PER_S || errors <= MANY_PART * all) return "";
  const worst = wrong.reduce((one, other) => (perSecond([other]) > perSecond([one]) ? other : one));
  return `${Math.round((100 * errors) / all)} % of requests fail in the router, mostly with ${worst}`;
}
