// Puts the console on the page and lets it follow the address.
import { effect, html, render } from "./lib.js";
import { open } from "./state/document.js";
import { list } from "./state/documents.js";
import { route } from "./state/route.js";
import { apiKey } from "./state/session.js";
import { Shell } from "./views/shell.js";

let shown = null;

effect(() => {
  const wanted = JSON.stringify([route.value.id, apiKey.value]);
  if (wanted === shown) return;
  shown = wanted;
  // Once the effect is over: what it reads and writes on its way is none of the address's business.
  queueMicrotask(() => open(route.peek().id));
});

effect(() => {
  if (apiKey.value !== null) queueMicrotask(list);
});

render(html`<${Shell} />`, document.getElementById("app"));
