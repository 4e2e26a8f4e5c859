// Changes from a page: a question before, the token if it is needed, and the result after.

import { byId, element, keyed, setText } from "./dom.js";
import { api, read } from "./site.js";

const PATIENCE = 20_000; // ms: within which a change that was accepted is mostly done
const dialog = byId("change");
const me = read(api("me")).catch(() => ({ role: "reader", token: true }));
/** What was accepted, and is not seen done yet. */
let waiting = null;

async function order(path, body, token) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  return read(api(path), { method: "POST", headers, body: JSON.stringify(body) });
}

/** `change`: {label, question, consequence, path, body, done, result}; `done` tells from what the
    page shows whether it has come about, and `result` says so. */
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
      waiting = { done, result, until: Date.now() + PATIENCE };
    } catch (error) {
      setText(byId("refused"), error.message);
      byId("refused").hidden = false;
    }
    byId("confirm").disabled = false;
  };
  dialog.showModal();
}

byId("cancel").addEventListener("click", () => dialog.close());

/** Shows a button for each change; what it asks for is that of the last call. */
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

/** Tells the result of the last change, as what the page shows now has it. */
export function outcome(now) {
  if (!waiting) return;
  if (waiting.done(now)) setText(byId("outcome"), `Done: ${waiting.result}.`);
  else if (Date.now() > waiting.until) setText(byId("outcome"), "It was accepted, but is not seen done: look at the events of the dashboard.");
  else return;
  waiting = null;
}
