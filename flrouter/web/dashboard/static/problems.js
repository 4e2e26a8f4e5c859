// What is wrong, worst first: what somebody must see in ten seconds.

import { ago, plural, ranges } from "./text.js";

const BEHIND = 10_000; // records

export function problems({ floodlights, workers, shards, missing_shards, at }) {
  const found = [];
  for (const { id, state, since } of floodlights) {
    if (state === "outage") found.push(`${id} is in outage for ${ago(since, at)}`);
  }
  for (const { url, answering, ready, reason } of workers) {
    if (!answering) found.push(`worker ${url} does not answer`);
    else if (!ready) found.push(`worker ${url} is not ready: ${reason}`);
  }
  if (missing_shards.length) found.push(`nobody tells of shards ${ranges(missing_shards)}`);
  const full = shards.filter((shard) => shard.held_back).map(({ shard }) => shard);
  if (full.length) found.push(`shards ${ranges(full)} are full: their commands wait in Kafka`);
  const behind = shards.filter(({ lag }) => lag > BEHIND).map(({ shard }) => shard);
  if (behind.length) found.push(`shards ${ranges(behind)} are more than ${plural(BEHIND, "record")} behind`);
  if (!floodlights.length) found.push("no floodlight is known: flrouter floodlight add makes one known");
  return found;
}
