// The feed: what is wrong and not over, then the rest, each newest first, then all routine as one line.
// Screen readers read new lines out.

import { byId, element, keyed, setText } from "./dom.js";
import { clock, plural } from "./text.js";

const feed = byId("feed");

const TEXTS = {
  note: (text) => text,
  dead_letters: (topic, n) => `${plural(n, "dead letter")} from ${topic}`,
  late: (fl, n) => `${plural(n, "late answer")} of ${fl} dropped`,
  moves: (fl, n) => `${plural(n, "switch", "switches")} moved to ${fl}`,
  offline: (fl, n) => `${plural(n, "switch", "switches")} of ${fl} offline`,
  syncs: (fls, n) => `${plural(n, "sync")} of ${fls} began`,
  syncs_failed: (fl, n) => `${plural(n, "sync")} of ${fl} failed`,
  unmanaged: (fl, n) => `${plural(n, "switch", "switches")} of ${fl} unmanaged`,
  write_errors: (fl, n) => `${fl} failed to write ${plural(n, "message")}`,
};

export function showFeed(entries, now) {
  if (!entries.length) return;
  const list = feed.querySelector("ol") ?? element("ol");
  if (!list.parentNode) feed.replaceChildren(list);
  keyed(
    list,
    entries.map(({ worker, happening, lasts }) => ({ worker, lasts, ...happening })),
    ({ worker, number }) => `${worker} ${number}`,
    () => element("li", {}, element("time"), element("span")),
    (line, { what, about, count, began, lasts }) => {
      const text = (TEXTS[what] ?? TEXTS.note)(about, count) + (lasts ? " – not over" : "");
      const [time, said] = line.children;
      time.setAttribute("datetime", new Date(began).toISOString());
      setText(time, clock(began, now));
      setText(said, text);
      said.className = lasts || /^outage|failed|not handled|unmanaged/.test(text) ? "grave" : "";
    },
  );
}
