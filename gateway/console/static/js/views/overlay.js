// Words, fields, boxes and signatures as shapes over the page.
import { html, useState } from "../lib.js";
import { needsReview } from "../model/field.js";
import { pointsOf } from "../model/geometry.js";
import { chosen, layers } from "../state/selection.js";
import { threshold } from "../state/session.js";

// Later ones are drawn over earlier ones.
const ORDER = ["words", "signatures", "fields", "boxes"];
const NAMES = { words: "Words", fields: "Fields", boxes: "Boxes", signatures: "Signatures" };
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

const idOf = (layer, mark) => `${layer}:${mark.key}`;

// `pointed` is a signal: the mark that the pointer or the keyboard is on.
export function Overlay({ page, scale, view, pointed }) {
  const [lastFocused, setLastFocused] = useState("");
  const shown = ORDER.filter((name) => layers.value[name]);
  const marks = new Map(
    shown.flatMap((name) => page.marks[name].map((mark) => [idOf(name, mark), mark])),
  );
  const tabStop = marks.has(lastFocused) ? lastFocused : marks.keys().next().value;
  const find = ({ target }) => marks.get(target.dataset?.id) ?? null;
  const pick = (event) => {
    const mark = find(event);
    if (!mark || view.current.classList.contains("dragged")) return;
    chosen.value = { page: page.number, key: mark.key, isInSight: true };
  };
  const focused = (event) => {
    pointed.value = find(event);
    setLastFocused(event.target.dataset.id);
  };
  const left = () => (pointed.value = null);
  return html`<svg
    class="overlay"
    viewBox=${`0 0 ${page.width} ${page.height}`}
    role="listbox"
    aria-label=${`Read on page ${page.number}`}
    style=${{ "--hair": `${1 / scale}px` }}
    onPointerOver=${(event) => (pointed.value = find(event))}
    onPointerLeave=${left}
    onFocusIn=${focused}
    onFocusOut=${left}
    onClick=${pick}
    onKeyDown=${(event) => walk(event, pick, left)}
  >
    ${shown.map(
      (name) => html`<g key=${name} role="group" aria-label=${NAMES[name]}>
        ${page.marks[name].map((mark) => {
          const id = idOf(name, mark);
          return html`<${Shape} key=${id} id=${id} mark=${mark} page=${page.number}
            isTabStop=${id === tabStop} />`;
        })}
      </g>`,
    )}
  </svg>`;
}

function Shape({ mark, id, isTabStop, page }) {
  const isChosen = chosen.value?.page === page && chosen.value?.key === mark.key;
  const isOpen = mark.field && needsReview(mark.field, threshold.value / 100);
  return html`<polygon
    class=${`mark ${mark.kind}${isOpen ? " open" : ""}${isChosen ? " chosen" : ""}`}
    points=${pointsOf(mark.quad)}
    data-id=${id}
    role="option"
    aria-selected=${isChosen ? "true" : "false"}
    aria-label=${`${mark.what}: ${mark.text}, ${Math.floor(mark.confidence * 100)} percent sure`}
    tabindex=${isTabStop ? 0 : -1}
  />`;
}

// Arrows go from mark to mark, Enter chooses, Escape takes the hint away.
function walk(event, pick, dismiss) {
  const all = [...event.currentTarget.querySelectorAll("[role=option]")];
  const here = all.indexOf(event.target);
  if (event.key in STEPS) all[here + STEPS[event.key]]?.focus();
  else if (event.key === "Home") all[0].focus();
  else if (event.key === "End") all.at(-1).focus();
  else if (event.key === "Enter" || event.key === " ") pick(event);
  else if (event.key === "Escape") dismiss();
  else return;
  event.preventDefault();
}
