// What the pages of one thing share: its id, and keeping it up to date.

import { byId, element, setText } from "./dom.js";
import { pastList } from "./past.js";
import { page } from "./site.js";
import { ago, clock, moment, stale } from "./text.js";

const PERIOD_MS = 2000;

export const id = decodeURIComponent(location.pathname.split("/").at(-1));

/** Calls `look` periodically; its errors are shown. */
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
    setTimeout(turn, PERIOD_MS);
  };
  turn();
}

/** Calls `look` once; its error is shown. */
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

/** Shows links to its history, if there is one. */
export function offerPast(asked) {
  if (!byId("history")) return;
  const links = ["requests", "events"].map((what) => element("a", { href: pastList(what, asked) }, `past ${what}`));
  byId("past").replaceChildren("History: ", links[0], ", ", links[1]);
  byId("past").hidden = false;
}

/** The state of an FL as a cell. */
export const floodlightState = ({ heard, state }) => ({ text: heard === false ? "never heard of" : state, state });

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
