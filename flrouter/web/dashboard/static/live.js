// Snapshots of the router, and a notice if they stop: a browser reports no error if a worker hangs or
// a network loses everything.

import { byId, setText } from "./dom.js";
import { dashboard } from "./site.js";
import { stale } from "./text.js";

const PATIENCE_MS = 5000; // without a snapshot, of which there is one a second
const link = byId("link");

/** Calls `show` with every snapshot, and `doubt` with the time of the last one when it is old. */
export function watch(show, doubt) {
  let news = Date.now();
  let source, waiting;
  const open = () => {
    source?.close();
    source = new EventSource(dashboard("events"));
    source.onerror = () => setText(link, stale(news));
    source.onmessage = (event) => {
      show(JSON.parse(event.data));
      news = Date.now();
      setText(link, "live");
      wait();
    };
    wait();
  };
  const wait = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      setText(link, stale(news));
      doubt(news);
      open();
    }, PATIENCE_MS);
  };
  open();
}
