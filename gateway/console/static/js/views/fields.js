// The table of fields, those that a person should look at first.
import { html, signal, useEffect, useRef } from "../lib.js";
import { concernOf, needsReview } from "../model/field.js";
import { percent } from "../model/format.js";
import { fields, isFinal, pageList } from "../state/document.js";
import { route } from "../state/route.js";
import { choose, chosen } from "../state/selection.js";
import { threshold } from "../state/session.js";
import { Correct } from "./correct.js";
import { Crop } from "./crop.js";
import { Icon } from "./icons.js";

const FILTERS = {
  review: ["To review", (field) => needsReview(field, threshold.value / 100)],
  filled: ["Filled", (field) => !field.isEmpty],
  empty: ["Empty", (field) => field.isEmpty],
  said: ["Checked", (field) => field.correction],
  all: ["All", () => true],
};

const filter = signal("review");

export function Fields() {
  const list = fields.value.filter(FILTERS[filter.value][1]);
  return html`
    <${Filters} />
    <div class="fields" onKeyDown=${walk}>
      ${pageList.value.map((page) => {
        const here = list.filter((field) => field.page === page.number);
        return (
          here.length > 0 && html`<${PageFields} key=${page.number} page=${page} fields=${here} />`
        );
      })}
      ${!list.length && html`<p class="hint padded" role="status">${absence()}</p>`}
    </div>
  `;
}

function absence() {
  if (!fields.value.length)
    return isFinal.value ? "This pipeline gave no fields." : "No fields yet.";
  return filter.value === "review" ? "Nothing to review: every value is sure enough." : "None.";
}

function Filters() {
  return html`<div class="filters">
    <div class="group" role="group" aria-label="Which fields">
      ${Object.entries(FILTERS).map(
        ([name, [title, accepts]]) => html`<button
          key=${name}
          type="button"
          class="chip"
          aria-pressed=${name === filter.value}
          onClick=${() => (filter.value = name)}
        >
          ${title} <span class="number">${fields.value.filter(accepts).length}</span>
        </button>`,
      )}
    </div>
    <label class="threshold">
      <span>Review what is less than</span>
      <input
        type="number"
        min="0"
        max="100"
        step="1"
        value=${threshold.value}
        onInput=${setThreshold}
      />
      <span>% sure</span>
    </label>
  </div>`;
}

function setThreshold({ target }) {
  if (target.value && target.validity.valid) threshold.value = Number(target.value);
}

function PageFields({ page, fields: list }) {
  return html`<section aria-labelledby=${`fields-${page.number}`}>
    <h2 class="caption" id=${`fields-${page.number}`}>
      Page ${page.number}${page.form && html` <span class="hint">${page.form}</span>`}
    </h2>
    <ul>
      ${list.map((field) => html`<${Row} key=${field.key} field=${field} />`)}
    </ul>
  </section>`;
}

function Row({ field }) {
  const row = useRef(null);
  const isChosen = chosen.value?.page === field.page && chosen.value?.key === field.key;
  const concern = concernOf(field, threshold.value / 100);
  const isOnShownPage = field.page === route.value.page;
  useEffect(() => {
    if (isChosen) row.current.scrollIntoView({ block: "nearest" });
  }, [isChosen]);
  return html`<li>
    <button
      ref=${row}
      type="button"
      class=${`entry ${concern ? "open" : ""} ${field.isEmpty ? "blank" : ""}`}
      aria-pressed=${isChosen}
      onClick=${() => choose(field.page, field.key)}
    >
      <span class="label" title=${field.printed}>${field.label}</span>
      <span class="sure">
        ${field.correction ? html`<${Icon} name="check" />` : percent(field.confidence)}
      </span>
      <span class="value">${field.shown || "empty"}</span>
      ${isOnShownPage && field.quad && (concern || isChosen) && html`<${Crop} field=${field} />`}
      ${
        isChosen &&
        field.rawText &&
        field.rawText !== field.value &&
        html`<span class="raw">As written: ${field.rawText}</span>`
      }
      ${isChosen && field.printed && html`<span class="raw">${field.printed}</span>`}
      ${concern && html`<span class="concern">${concern}</span>`}
      ${field.correction && html`<span class="raw">${verdictOn(field)}</span>`}
    </button>
    ${
      isChosen &&
      isFinal.value &&
      html`<${Correct} key=${`${field.page}/${field.key}`} field=${field} />`
    }
  </li>`;
}

function verdictOn({ value, read, shownRead }) {
  return value === read ? "Checked: right as read" : `Corrected; read as ${shownRead || "empty"}`;
}

// Arrows go from field to field and show each at its place.
function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !event.target.matches(".entry")) return;
  event.preventDefault();
  const all = [...event.currentTarget.querySelectorAll(".entry")];
  const next = all[all.indexOf(event.target) + step];
  next?.focus();
  next?.click();
}
