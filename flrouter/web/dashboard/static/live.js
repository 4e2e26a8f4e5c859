// Snapshots of the router, as they come.

import { byId, setText } from "./dom.js";
import { dashboard } from "./site.js";

const AGAIN = 5000; // ms, when the worker refuses: browsers then do not try again themselves
const link = byId("link");

/** Calls `show` with every snapshot. */
export function watch(show) {
  const source = new EventSource(dashboard("events"));
  source.onmessage = (event) => {
    setText(link, "live");
    show(JSON.parse(event.data));
  };
  source.onerror = () => {
    setText(link, "not connected: what is shown is old");
    if (source.readyState === EventSource.CLOSED) setTimeout(() => watch(show), AGAIN);
  };
}
