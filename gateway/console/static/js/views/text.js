// A page's text, line by line; words that are not sure stand out.
import { html } from "../lib.js";
import { percent } from "../model/format.js";
import { threshold } from "../state/session.js";

export function PageText({ page }) {
  if (!page?.lines.length) return html`<p class="hint padded">No text was read on this page.</p>`;
  const name = `Text of page ${page.number}`;
  return html`<div class="page-text" tabindex="0" role="region" aria-label=${name}>
    ${page.lines.map((line, index) => html`<p key=${index}><${Line} line=${line} /></p>`)}
  </div>`;
}

function Line({ line }) {
  if (!line.words.length) return line.text;
  return line.words.map((word) =>
    word.confidence * 100 < threshold.value
      ? html`<mark title=${percent(word.confidence)}>${word.text}</mark> `
      : `${word.text} `,
  );
}
