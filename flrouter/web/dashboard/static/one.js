// What the pages of one thing share: its id, and news of it as long as somebody looks.

import { byId, element, setText } from "./dom.js";
import { pastList } from "./past.js";
import { page } from "./site.js";
import { ago, clock, moment, stale } from "./text.js";

const PERIOD = 2000; // ms

export const id = decodeURIComponent(location.pathname.split("/").at(-1));

/** Calls `look` now and again and again; what it throws is shown. */
export function follow(look) {
  const fault = byId("fault");
  const link = byId("link");
  let news = 0;
  const turn = async () => {
    if (!document.hidden) {
      try {
        await look();
        fault.hidden = true;
        news = Date.now();
        setText(link, "live");
      } catch (error) {
        setText(fault, error.message);
        fault.hidden = false;
        setText(link, news ? stale(news) : "not live");
      }
    }
    setTimeout(turn, PERIOD);
  };
  turn();
}

/** Calls `look` this once; what it throws is shown. */
export async function once(look) {
  try {
    await look();
    setText(byId("link"), `as of ${clock(Date.now())}`);
  } catch (error) {
    setText(byId("fault"), error.message);
    byId("fault").hidden = false;
    setText(byId("link"), "failed");
  }
}

/** Leads to what the history has of it, where there is a history. */
export function offerPast(asked) {
  if (!byId("history")) return;
  const links = ["requests", "events"].map((what) => element("a", { href: pastList(what, asked) }, `past ${what}`));
  byId("past").replaceChildren("History: ", links[0], ", ", links[1]);
  byId("past").hidden = false;
}

export const floodlightLink = (name) =>
  name ? { text: name, href: page("floodlight", name) } : "–";
export const switchLink = (name) => (name ? { text: name, href: page("switch", name) } : "–");

/** A row of a table of requests. */
export function requestRow(row, now) {
  const cells = [
    { text: row.correlation_id, href: page("request", row.correlation_id) },
    { text: row.state, state: row.state },
    switchLink(row.switch),
    floodlightLink(row.floodlight),
    { text: row.received ? `${ago(row.received, now)} ago` : "–", title: moment(row.received) },
    moment(row.due),
  ];
  return { key: row.request, cells };
}
