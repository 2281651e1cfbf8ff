// The page beside what was read on it.
import { html, useEffect } from "../lib.js";
import { isFinal, opened, pages } from "../state/document.js";
import { route, turn } from "../state/route.js";
import { currentPage } from "../state/selection.js";
import { Viewer } from "./viewer.js";
import { PageStrip } from "./strip.js";
import { SidePanel } from "./side.js";

export function ReviewRoom() {
  const { id, page: number } = route.value;
  const page = currentPage.value;
  const total = opened.value.pages?.total ?? 0;
  useEffect(() => {
    if (total && number > total) turn({ page: total });
  }, [number, total]);
  return html`<div class="review-grid">
    <${PageStrip} total=${total} current=${number} />
    ${
      page?.width
        ? html`<${Viewer} key=${`${id}/${number}`} id=${id} page=${page} />`
        : html`<div class="viewer empty">
            <p class="hint" role="status">${page?.reason || absence(number, total)}</p>
          </div>`
    }
    <${SidePanel} />
  </div>`;
}

function absence(number, total) {
  if (!isFinal.value)
    return total ? `Page ${number} is being read…` : "The document is being opened…";
  if (!total) return "The document has no pages to show.";
  return pages.value.size < total ? `Page ${number} was not read.` : "";
}
