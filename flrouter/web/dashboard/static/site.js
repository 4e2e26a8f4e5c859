// Addresses, relative to this file, and requests.

const ROOT = new URL("../../", import.meta.url);

export const api = (path) => new URL(`api/v1/${path}`, ROOT).href;
export const dashboard = (path) => new URL(`dashboard/${path}`, ROOT).href;
export const page = (kind, id) => new URL(`dashboard/${kind}/${encodeURIComponent(id)}`, ROOT).pathname;

const PATIENCE_MS = 5000; // a worker waits for others for 2 s

/** The answer of a worker; `how`: options of fetch. */
export async function read(url, how = {}) {
  const late = new AbortController();
  setTimeout(() => late.abort(new Error(`the worker did not answer within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  const headers = { Accept: "application/json", ...how.headers };
  const answer = await fetch(url, { ...how, headers, signal: late.signal });
  const body = await answer.json().catch(() => ({}));
  late.signal.throwIfAborted();
  if (!answer.ok) throw new Error(body.error ?? `${answer.status} ${answer.statusText}`);
  return body;
}
