// Making elements, and changing only what is different: so focus and selection stay.

export function element(name, given = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

export const byId = (id) => document.getElementById(id);

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Gives `parent` one child per row, in order; those of keys that are still there are kept. */
export function keyed(parent, rows, key, make, update) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let at = parent.firstElementChild;
  for (const row of rows) {
    const name = key(row);
    let child = old.get(name);
    old.delete(name);
    if (!child) {
      child = make(row);
      child.dataset.key = name;
    }
    update(child, row);
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
  for (const child of old.values()) child.remove();
}

/** A cell: text, or {text, href, state, title, number}. */
function fill(cell, given) {
  const { text, href, state, title, number } = typeof given === "object" ? given : { text: given };
  if (href) {
    const link = cell.firstElementChild ?? cell.appendChild(element("a"));
    if (link.getAttribute("href") !== href) link.setAttribute("href", href);
    setText(link, text);
  } else if (state) {
    const badge = cell.firstElementChild ?? cell.appendChild(element("span"));
    badge.className = `state ${state}`;
    setText(badge, text);
  } else setText(cell, String(text));
  if (number) cell.className = "n";
  if (title && cell.title !== title) cell.title = title;
}

/** Shows rows of cells, the first of which heads its row. */
export function tableRows(body, rows) {
  keyed(
    body,
    rows,
    (row) => row.key,
    (row) =>
      element("tr", {}, ...row.cells.map((_, n) => (n ? element("td") : element("th", { scope: "row" })))),
    (line, row) => row.cells.forEach((cell, n) => fill(line.children[n], cell)),
  );
}

/** Shows [term, text or {text, href, state}] in a definition list. */
export function facts(list, pairs) {
  keyed(
    list,
    pairs.flatMap(([term, given]) => [
      { key: `t ${term}`, name: "dt", given: term },
      { key: `d ${term}`, name: "dd", given },
    ]),
    (row) => row.key,
    (row) => element(row.name),
    (node, row) => fill(node, row.given),
  );
}
