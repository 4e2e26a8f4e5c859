// The filters of a list of the history. They are in the address, so that it can be shared.

import { byId } from "./dom.js";

const form = byId("filters");
const TIMES = ["since", "until"];

/** The filters in the address. */
export const asked = new URLSearchParams(location.search);

for (const [name, value] of asked) {
  const field = form.elements.namedItem(name);
  if (!field) continue;
  field.value = value;
  if (field.localName === "select" && field.value !== value) {
    field.append(new Option(value));
    field.value = value;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  location.search = new URLSearchParams([...new FormData(form)].filter(([, value]) => value.trim())).toString();
});

/** The parameters for the API, with times in ms. */
export function query() {
  const made = new URLSearchParams();
  for (const [name, value] of asked) {
    if (!TIMES.includes(name)) made.set(name, value.trim());
    else {
      const time = Date.parse(`${value}Z`);
      if (Number.isNaN(time)) throw new Error(`${name} is not a time: ${value}`);
      made.set(name, time);
    }
  }
  return made;
}

/** Links to the next page and to the first one. */
export function pager(next) {
  const [newest, older] = [byId("newest"), byId("older")];
  const to = (after) => {
    const target = new URLSearchParams(asked);
    target.delete("after");
    if (after) target.set("after", after);
    return `?${target}`;
  };
  newest.hidden = !asked.has("after");
  newest.href = to("");
  older.hidden = !next;
  older.href = to(next ?? "");
}
