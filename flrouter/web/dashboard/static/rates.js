// What counters did over the last seconds. They are sums over the workers that answer, which each
// count since they started: they only grow while these are the same.

const SPAN = 10_000; // ms

const counting = ({ workers }) =>
  workers.filter(({ answering }) => answering).map(({ url, started, shards }) => `${url} ${started} ${shards}`).join();

export class Rates {
  #kept = [];

  take(snapshot) {
    const last = this.#kept.at(-1);
    if (last && (snapshot.at <= last.at || counting(snapshot) !== counting(last))) this.#kept = [];
    this.#kept.push(snapshot);
    while (this.#kept.length > 2 && this.#kept[1].at <= snapshot.at - SPAN) this.#kept.shift();
    this.#kept[0].byId ??= new Map(this.#kept[0].floodlights.map((each) => [each.id, each]));
  }

  /** Per second; null while nobody knows. `read` gives the counter from a snapshot. */
  per(read) {
    const [first, last] = [this.#kept[0], this.#kept.at(-1)];
    if (first === last) return null;
    return Math.max(0, read(last) - read(first)) / ((last.at - first.at) / 1000);
  }

  /** The same of one FL. */
  of(floodlight, what) {
    const old = this.#kept[0].byId.get(floodlight.id);
    if (!old) return null;
    return this.per((snapshot) =>
      ((snapshot === this.#kept[0] ? old : floodlight).counts[what] ?? 0),
    );
  }

  /** Within how many seconds these parts of an FL's answers came; null when there were none. */
  within(floodlight, ...parts) {
    const old = this.#kept[0].byId.get(floodlight.id);
    const { counts, bounds } = floodlight.latency;
    const recent = counts.map((count, n) => Math.max(0, count - (old?.latency.counts[n] ?? 0)));
    const total = recent.reduce((sum, count) => sum + count, 0);
    return parts.map((part) => {
      if (!total) return null;
      let left = total * part;
      const at = recent.findIndex((count) => (left -= count) <= 0);
      return bounds[at] ?? Infinity;
    });
  }
}
