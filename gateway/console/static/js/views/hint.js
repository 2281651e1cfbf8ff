// What the mark under the pointer, or the one that has the focus, says.
import { html } from "../lib.js";
import { percent } from "../model/format.js";
import { boxOf, mapped } from "../model/geometry.js";

const [HALF_WIDTH, HEIGHT, GAP] = [150, 64, 6];

export function Hint({ pointed, placed }) {
  const mark = pointed.value;
  if (!mark) return null;
  const { x, y, width, height } = boxOf(mapped(placed.matrix, mark.quad));
  const centre = (x + width / 2) * placed.scale;
  const [top, bottom] = [y * placed.scale, (y + height) * placed.scale];
  const isAbove = bottom + HEIGHT > placed.height;
  const left = Math.max(HALF_WIDTH, Math.min(placed.width - HALF_WIDTH, centre));
  // The mark itself carries the same words for screen readers.
  return html`<div
    class=${`hint-card ${isAbove ? "above" : ""}`}
    aria-hidden="true"
    style=${{ left: `${left}px`, top: `${isAbove ? top - GAP : bottom + GAP}px` }}
  >
    <span class="what"><span class=${`swatch ${mark.kind}`}></span>${mark.what}</span>
    <span class="text">${mark.text}</span>
    <span class="sure">${percent(mark.confidence)}</span>
  </div>`;
}
