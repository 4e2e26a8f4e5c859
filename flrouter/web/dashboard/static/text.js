// Numbers and times as people read them.

export const count = (number) => number.toLocaleString("en");

export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

export function rate(perSecond) {
  if (perSecond === null) return "–";
  return perSecond < 10 ? perSecond.toFixed(1) : count(Math.round(perSecond));
}

export const moment = (ms) => (ms ? new Date(ms).toISOString().replace("T", " ").replace("Z", " UTC") : "–");

/** To the second; without the date on the day of `now`. */
export function clock(ms, now = Date.now()) {
  const [date, time] = new Date(ms).toISOString().split(/[T.]/);
  return new Date(now).toISOString().startsWith(date) ? `${time} UTC` : `${date} ${time} UTC`;
}

export const stale = (since) => `no update since ${clock(since)}: this page is stale`;

/** Milliseconds as text, in seconds from ten seconds on. */
export const span = (ms) => (Math.abs(ms) < 10_000 ? `${count(ms)} ms` : `${count(Math.round(ms / 100) / 10)} s`);

/** The same, with a sign. */
export const offset = (ms) => `${ms < 0 ? "−" : "+"}${span(Math.abs(ms))}`;

export function ago(ms, now) {
  if (!ms) return "–";
  const seconds = Math.max(0, Math.round((now - ms) / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

export const since = (ms, now) => ({ text: ago(ms, now), title: moment(ms) });

export const number = (value) => ({ text: typeof value === "string" ? value : count(value), number: true });

export function duration(seconds) {
  if (seconds === null) return "–";
  if (seconds === Infinity) return "> 1 min";
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds} s`;
}

/** 0, 1, 2, 5 → "0–2, 5" */
export function ranges(numbers) {
  const runs = [];
  for (const each of numbers) {
    const last = runs.at(-1);
    if (last && last[1] === each - 1) last[1] = each;
    else runs.push([each, each]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(", ");
}
