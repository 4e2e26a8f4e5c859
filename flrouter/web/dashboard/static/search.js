// The search of every page.

import { byId, element } from "./dom.js";
import { pastList } from "./past.js";
import { dashboard, page, read } from "./site.js";

const hits = byId("hits");

function show({ hits: known, unknown }, text) {
  if (known.length === 1 && !unknown.length) {
    location.assign(page(known[0].kind, known[0].id));
    return;
  }
  const links = known.map(({ kind, id }) =>
    element("li", {}, element("a", { href: page(kind, id) }, `${kind} ${id}`)),
  );
  const said = known.length ? `Found ${text}:` : `Nothing found for ${text}.`;
  hits.replaceChildren(element("p", {}, [said, ...unknown].join(" ")));
  if (byId("history")) links.push(element("li", {}, element("a", { href: pastList("requests", { correlation_id: text }) }, "Look in the history")));
  if (links.length) hits.append(element("ul", {}, ...links));
}

byId("search").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = byId("name").value.trim();
  if (!text) return;
  hits.textContent = "searching";
  try {
    show(await read(dashboard(`search?q=${encodeURIComponent(text)}`)), text);
  } catch (error) {
    hits.textContent = `The search failed: ${error.message}`;
  }
});
