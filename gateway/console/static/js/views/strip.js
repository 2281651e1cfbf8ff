// The document's pages as a strip: what became of each, and how much there is to review.
import { html, useEffect, useRef } from "../lib.js";
import { needsReview } from "../model/field.js";
import { pages } from "../state/document.js";
import { turn } from "../state/route.js";
import { threshold } from "../state/session.js";

export function PageStrip({ total, current }) {
  const strip = useRef(null);
  useEffect(() => {
    const here = strip.current?.querySelector("[aria-current]");
    here?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current]);
  if (total < 2) return null;
  const numbers = Array.from({ length: total }, (_, index) => index + 1);
  return html`<nav class="strip" aria-label="Pages">
    <ol ref=${strip}>
      ${numbers.map(
        (number) =>
          html`<${Tile} key=${number} number=${number} isCurrent=${number === current} />`,
      )}
    </ol>
  </nav>`;
}

function Tile({ number, isCurrent }) {
  const page = pages.value.get(number);
  const open = page?.fields.filter((field) => needsReview(field, threshold.value / 100)).length;
  const state = page ? page.outcome : "waiting";
  const said = open ? `, ${open} to review` : "";
  return html`<li>
    <button
      type="button"
      class=${`tile ${state}`}
      aria-current=${isCurrent ? "page" : undefined}
      aria-label=${`Page ${number}, ${state}${said}`}
      onClick=${() => turn({ page: number })}
    >
      <span class="sheet">${number}</span>
      ${open > 0 && html`<span class="badge">${open}</span>`}
    </button>
  </li>`;
}
