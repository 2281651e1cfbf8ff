// The document's pages as a strip: what became of each, and how much there is to review.
import { html, useEffect, useRef, useState } from "../lib.js";
import { needsReview } from "../model/field.js";
import { pages } from "../state/document.js";
import { route, turn } from "../state/route.js";
import { threshold } from "../state/session.js";
import { thumbnail } from "../state/thumbnails.js";

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
  const [tile, picture] = usePicture(number, Boolean(page?.width));
  return html`<li ref=${tile}>
    <button
      type="button"
      class=${`tile ${state}`}
      aria-current=${isCurrent ? "page" : undefined}
      aria-label=${`Page ${number}, ${state}${said}`}
      onClick=${() => turn({ page: number })}
    >
      <span class="sheet">
        ${picture && html`<img src=${picture} alt="" />`}
        <span class="number">${number}</span>
      </span>
      ${open > 0 && html`<span class="badge">${open}</span>`}
    </button>
  </li>`;
}

// A page's small picture, asked for once its tile comes near what is seen.
function usePicture(number, isThere) {
  const { id } = route.value;
  const tile = useRef(null);
  const [picture, show] = useState("");
  useEffect(() => {
    if (!isThere) return;
    let isGone = false;
    const watch = new IntersectionObserver(([{ isIntersecting }]) => {
      if (!isIntersecting) return;
      watch.disconnect();
      thumbnail(id, number)
        .then((url) => isGone || show(url))
        .catch(() => {});
    });
    watch.observe(tile.current);
    return () => {
      isGone = true;
      watch.disconnect();
    };
  }, [id, number, isThere]);
  return [tile, picture];
}
