// Snapshots of the router, as they come; and that they do not come, whatever the reason: a worker
// that hangs or a network that loses all is no error that a browser would tell of.

import { byId, setText } from "./dom.js";
import { dashboard } from "./site.js";
import { stale } from "./text.js";

const PATIENCE = 5000; // ms without a snapshot, of which there is one a second
const link = byId("link");

/** Calls `show` with every snapshot, and `doubt` when what was shown is old, with its time. */
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
    }, PATIENCE);
  };
  open();
}
