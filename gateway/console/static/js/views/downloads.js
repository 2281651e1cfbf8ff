// The result in every format, as a file.
import { html, signal } from "../lib.js";
import { getOverlay, getResult } from "../api.js";
import { isFinal } from "../state/document.js";
import { route } from "../state/route.js";
import { Icon } from "./icons.js";

const FORMATS = [
  ["pdf", "Searchable PDF", ".searchable.pdf"],
  ["json", "JSON", ".json"],
  ["markdown", "Markdown", ".md"],
  ["hocr", "hOCR", ".hocr"],
  ["alto", "ALTO XML", ".alto.xml"],
];

const failure = signal("");

export function Downloads({ resource: { id } }) {
  const { page } = route.value;
  const saveResult = (event, format, suffix) =>
    fetchAndSave(event, id + suffix, () => getResult(id, format));
  const saveOverlay = (event) =>
    fetchAndSave(event, `${id}.page-${page}.png`, () => getOverlay(id, page));
  return html`<details class="menu" onKeyDown=${closeOnEscape} onFocusOut=${closeWhenLeft}>
    <summary class="button"><${Icon} name="download" />Download</summary>
    <ul>
      ${FORMATS.map(
        ([format, title, suffix]) => html`<li key=${format}>
          <button
            type="button"
            disabled=${!isFinal.value}
            onClick=${(event) => saveResult(event, format, suffix)}
          >
            ${title}
          </button>
        </li>`,
      )}
      <li>
        <button type="button" onClick=${saveOverlay}>Page ${page}, annotated (PNG)</button>
      </li>
      <li class="hint" role="status">
        ${failure.value || (isFinal.value ? "" : "Results can be had once the document is read.")}
      </li>
    </ul>
  </details>`;
}

async function fetchAndSave(event, name, get) {
  const menu = event.target.closest("details");
  failure.value = "Preparing…";
  try {
    save(await get(), name);
    failure.value = "";
    menu.open = false;
  } catch (error) {
    failure.value = error.message;
  }
}

function save(blob, name) {
  const link = document.createElement("a");
  [link.href, link.download] = [URL.createObjectURL(blob), name];
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function closeOnEscape(event) {
  if (event.key !== "Escape" || !event.currentTarget.open) return;
  event.currentTarget.open = false;
  event.currentTarget.querySelector("summary").focus();
}

function closeWhenLeft(event) {
  // A click on what cannot be focused has no target; the menu stays then.
  const to = event.relatedTarget;
  if (to && !event.currentTarget.contains(to)) event.currentTarget.open = false;
}
