// Beside the page: its fields, its text, and how it was read.
import { html, signal } from "../lib.js";
import { currentPage } from "../state/selection.js";
import { AboutPage } from "./about.js";
import { Fields } from "./fields.js";
import { PageText } from "./text.js";

const VIEWS = { fields: ["Fields", Fields], text: ["Text", PageText], about: ["Page", AboutPage] };

const shown = signal("fields");

export function SidePanel() {
  const [, View] = VIEWS[shown.value];
  return html`<section class="side" aria-label="What was read">
    <div class="segments" role="group" aria-label="Show">
      ${Object.entries(VIEWS).map(
        ([name, [title]]) => html`<button
          key=${name}
          type="button"
          aria-pressed=${name === shown.value}
          onClick=${() => (shown.value = name)}
        >
          ${title}
        </button>`,
      )}
    </div>
    <${View} page=${currentPage.value} />
  </section>`;
}
