// Rates of counters over the last seconds. Counters are sums over the workers that answer, each since
// it started: they only grow while these workers are the same.

const SPAN_MS = 10_000;

export const commandsIn = ({ floodlights }) => floodlights.reduce((sum, { counts }) => sum + (counts.commands ?? 0), 0);
export const endedIn = ({ ended }) => Object.values(ended).reduce((sum, count) => sum + count, 0);

const counting = ({ workers }) =>
  workers.filter(({ answering }) => answering).map(({ url, started, shards }) => `${url} ${started} ${shards}`).join();

export class Rates {
  #kept = [];

  take(snapshot) {
    const last = this.#kept.at(-1);
    if (last && (snapshot.at <= last.at || counting(snapshot) !== counting(last))) this.#kept = [];
    this.#kept.push(snapshot);
    while (this.#kept.length > 2 && this.#kept[1].at <= snapshot.at - SPAN_MS) this.#kept.shift();
    this.#kept[0].byId ??= new Map(this.#kept[0].floodlights.map((each) => [each.id, each]));
  }

  /** Per second; null while it is unknown. `read` gives the counter of a snapshot. */
  per(read) {
    const [first, last] = [this.#kept[0], this.#kept.at(-1)];
    if (first === last) return null;
    return Math.max(0, read(last) - read(first)) / ((last.at - first.at) / 1000);
  }

  /** The rate of an event of one FL. */
  of(floodlight, what) {
    const old = this.#kept[0].byId.get(floodlight.id);
    if (!old) return null;
    return this.per((snapshot) =>
      ((snapshot === this.#kept[0] ? old : floodlight).counts[what] ?? 0),
    );
  }

  /** The seconds within which these parts of an FL's answers came; null if none came. */
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
