// Changes from a page: a question before, the token if it is needed, and the result after.

import { byId, element, keyed, setText } from "./dom.js";
import { api, read } from "./site.js";

const PATIENCE_MS = 20_000; // most accepted changes are done by then
const dialog = byId("change");
const me = read(api("me")).catch(() => ({ role: "reader", token: true }));
/** The change that was accepted and is not seen done yet. */
let waiting = null;

async function order(path, body, token) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  return read(api(path), { method: "POST", headers, body: JSON.stringify(body) });
}

/** `change`: {label, question, consequence, path, body, done, result}; `done` says of what the
    page shows whether it is done, and `result` is the text for it. */
async function ask({ question, consequence, path, body = {}, done, result }) {
  const { role, token } = await me;
  const needed = role !== "operator";
  setText(byId("question"), question);
  setText(byId("consequence"), needed && !token ? `${consequence} This router is read-only: set FLROUTER_TOKEN for its workers.` : consequence);
  byId("token-row").hidden = !needed || !token;
  byId("token").required = needed && token;
  byId("token").value = "";
  byId("confirm").disabled = needed && !token;
  byId("refused").hidden = true;
  dialog.querySelector("form").onsubmit = async (event) => {
    event.preventDefault();
    byId("confirm").disabled = true;
    try {
      const { message } = await order(path, body, needed ? byId("token").value : "");
      dialog.close();
      setText(byId("outcome"), `Accepted: ${message}.`);
      waiting = { done, result, until: Date.now() + PATIENCE_MS };
    } catch (error) {
      setText(byId("refused"), error.message);
      byId("refused").hidden = false;
    }
    byId("confirm").disabled = false;
  };
  dialog.showModal();
}

byId("cancel").addEventListener("click", () => dialog.close());

/** Shows a button for each change, as of the last call. */
export function offer(place, changes) {
  keyed(
    place,
    changes,
    ({ label }) => label,
    () => element("button", { type: "button", "aria-haspopup": "dialog" }),
    (button, change) => {
      setText(button, change.label);
      button.onclick = () => ask(change);
    },
  );
}

/** Shows whether the last change is done in what the page shows now. */
export function outcome(now) {
  if (!waiting) return;
  if (waiting.done(now)) setText(byId("outcome"), `Done: ${waiting.result}.`);
  else if (Date.now() > waiting.until) setText(byId("outcome"), "It was accepted, but is not seen done: look at the events of the dashboard.");
  else return;
  waiting = null;
}
