// Elements. Only what differs is changed, so focus and selection stay.

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

/** Gives `parent` one child per row, in order; children whose keys are still there are kept. */
export function keyed(parent, rows, key, make, update) {
  const wanted = new Set(rows.map(key));
  // First: otherwise all that follow would be moved, and lose the focus.
  for (const child of [...parent.children]) if (!wanted.has(child.dataset.key)) child.remove();
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let at = parent.firstElementChild;
  for (const row of rows) {
    const name = key(row);
    let child = old.get(name);
    if (!child) {
      child = make(row);
      child.dataset.key = name;
    }
    update(child, row);
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
}

/** The one element of a cell, which has this name; without a name, the cell itself. */
function within(cell, name) {
  const child = cell.firstElementChild;
  if (child && child.localName === name) return child;
  if (child || name) cell.textContent = "";
  return name ? cell.appendChild(element(name)) : cell;
}

/** A cell: text, or {text, href, state, title, number}. */
function fill(cell, given) {
  const { text, href, state, title = "", number } = typeof given === "object" ? given : { text: given };
  const shown = within(cell, href ? "a" : state ? "span" : "");
  if (href && shown.getAttribute("href") !== href) shown.setAttribute("href", href);
  if (state) shown.className = `state ${state}`;
  setText(shown, String(text));
  if (number) cell.className = "n";
  if (cell.title !== title) cell.title = title;
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
