// Where everything is, seen from wherever this file is served.

const ROOT = new URL("../../", import.meta.url);

export const api = (path) => new URL(`api/v1/${path}`, ROOT).href;
export const dashboard = (path) => new URL(`dashboard/${path}`, ROOT).href;
export const page = (kind, id) => new URL(`dashboard/${kind}/${encodeURIComponent(id)}`, ROOT).pathname;

export async function read(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error ?? `${answer.status} ${answer.statusText}`);
  return body;
}
