// Where everything is, seen from wherever this file is served.

const ROOT = new URL("../../", import.meta.url);

export const api = (path) => new URL(`api/v1/${path}`, ROOT).href;
export const dashboard = (path) => new URL(`dashboard/${path}`, ROOT).href;
export const page = (kind, id) => new URL(`dashboard/${kind}/${encodeURIComponent(id)}`, ROOT).pathname;

const PATIENCE = 5000; // ms: a worker waits for others no longer than 2 s

/** What a worker answers; `how`: as fetch takes it. */
export async function read(url, how = {}) {
  const late = new AbortController();
  setTimeout(() => late.abort(new Error(`the worker did not answer within ${PATIENCE / 1000} s`)), PATIENCE);
  const headers = { Accept: "application/json", ...how.headers };
  const answer = await fetch(url, { ...how, headers, signal: late.signal });
  const body = await answer.json().catch(() => ({}));
  late.signal.throwIfAborted();
  if (!answer.ok) throw new Error(body.error ?? `${answer.status} ${answer.statusText}`);
  return body;
}
