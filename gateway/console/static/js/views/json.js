// The document's resource and the page's result as they came, as a tree to unfold.
import { html, useState } from "../lib.js";
import { opened } from "../state/document.js";
import { currentPage } from "../state/selection.js";
import { PageStrip } from "./strip.js";
import { Icon } from "./icons.js";
import { route } from "../state/route.js";

const OPEN_DEPTH = 2;
const OPEN_ITEMS = 60;

export function JsonRoom() {
  const page = currentPage.value;
  const total = opened.value.pages?.total ?? 0;
  const title = `Page ${route.value.page}`;
  return html`<div class="json-room">
    <${PageStrip} total=${total} current=${route.value.page} />
    <div class="json-columns">
      <${Block} title="Document" value=${opened.value} />
      ${page && html`<${Block} key=${title} title=${title} value=${page.raw} />`}
    </div>
  </div>`;
}

function Block({ title, value }) {
  const [said, say] = useState("");
  const copy = () =>
    navigator.clipboard.writeText(JSON.stringify(value, null, 2)).then(
      () => say("Copied"),
      () => say("The browser did not allow it"),
    );
  return html`<section class="json" aria-label=${`${title} as JSON`}>
    <header class="row">
      <h2 class="caption grow">${title}</h2>
      <span class="hint" role="status">${said}</span>
      <button class="button quiet" type="button" onClick=${copy}>
        <${Icon} name="copy" />Copy
      </button>
    </header>
    <div class="tree" tabindex="0" role="region" aria-label=${title}>
      <${Node} value=${value} depth=${0} />
    </div>
  </section>`;
}

function Node({ name, value, depth }) {
  if (value === null || typeof value !== "object") {
    return html`<div class="leaf"><${Name} name=${name} /><${Scalar} value=${value} /></div>`;
  }
  return html`<${Branch} name=${name} value=${value} depth=${depth} />`;
}

// What is below is made when it is unfolded: a page has thousands of numbers.
function Branch({ name, value, depth }) {
  const entries = Object.entries(value);
  const [isOpen, setOpen] = useState(depth < OPEN_DEPTH && entries.length <= OPEN_ITEMS);
  const size = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  if (!entries.length) {
    return html`<div class="leaf"><${Name} name=${name} /><span class="size">${size}</span></div>`;
  }
  return html`<details open=${isOpen} onToggle=${(event) => setOpen(event.target.open)}>
    <summary><${Name} name=${name ?? ""} /><span class="size">${size}</span></summary>
    ${
      isOpen &&
      entries.map(
        ([key, below]) =>
          html`<${Node} key=${key} name=${key} value=${below} depth=${depth + 1} />`,
      )
    }
  </details>`;
}

const Name = ({ name }) => name && html`<span class="name">${name}: </span>`;

function Scalar({ value }) {
  const kind = value === null ? "null" : typeof value;
  return html`<span class=${`scalar ${kind}`}>${JSON.stringify(value)}</span>`;
}
