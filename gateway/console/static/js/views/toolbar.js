// What is drawn over a page, and how large the page is.
import { html } from "../lib.js";
import { percent } from "../model/format.js";
import { isUpright, layers, toggleLayer } from "../state/selection.js";
import { Icon } from "./icons.js";

const LAYERS = { words: "Words", fields: "Fields", boxes: "Boxes", signatures: "Signatures" };

export function Toolbar({ page, scale, onZoom, onFit }) {
  return html`<div class="toolbar" role="toolbar" aria-label="Page view">
    <div class="group" role="group" aria-label="Shown on the page">
      ${Object.entries(LAYERS).map(
        ([name, title]) => html`<button
          key=${name}
          type="button"
          class=${`toggle layer-${name}`}
          aria-pressed=${layers.value[name]}
          onClick=${() => toggleLayer(name)}
        >
          <span class="swatch" aria-hidden="true"></span>${title}
          <span class="number">${page.marks[name].length}</span>
        </button>`,
      )}
    </div>
    <div class="group">
      ${
        isTurned(page) &&
        html`<button type="button" class="toggle" aria-pressed=${isUpright.value}
        onClick=${() => (isUpright.value = !isUpright.value)}>
        <${Icon} name="turn" />Upright
      </button>`
      }
      <${Small} label="Zoom out" icon="minus" onClick=${() => onZoom(1 / 1.25)} />
      <button
        type="button"
        class="scale"
        title="Fit the width"
        aria-label=${`${percent(scale)}. Fit the width`}
        onClick=${() => onFit("width")}
      >
        ${percent(scale)}
      </button>
      <${Small} label="Zoom in" icon="add" onClick=${() => onZoom(1.25)} />
      <${Small} label="Show the whole page" icon="fit" onClick=${() => onFit("page")} />
    </div>
  </div>`;
}

function Small({ label, icon, onClick }) {
  return html`<button type="button" aria-label=${label} title=${label} onClick=${onClick}>
    <${Icon} name=${icon} />
  </button>`;
}

const isTurned = ({ orientation, skew }) => orientation !== "up" || Math.abs(skew) >= 0.1;
