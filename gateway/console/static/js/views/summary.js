// What a reviewer wants to know first, in a line: what to look at, whether it is signed.
import { html } from "../lib.js";
import { count, humane } from "../model/format.js";
import { fields, isFinal, opened, pageList, toReview } from "../state/document.js";

export function Summary() {
  return html`<dl class="summary">
    ${[review(), signed(), filled(), boxes(), pagesRead(), kind()].filter(Boolean).map(
      ({ name, value, note, tone }) => html`<div key=${name} class=${tone ?? ""}>
          <dt>${name}</dt>
          <dd><strong>${value}</strong> ${note}</dd>
        </div>`,
    )}
  </dl>`;
}

function review() {
  const open = toReview.value.length;
  if (!fields.value.length) return null;
  const note = isFinal.value ? "" : "so far";
  return { name: "To review", value: open, note, tone: open ? "warn" : "ok" };
}

function signed() {
  const looked = pageList.value.filter((page) => page.signatures);
  if (!looked.length) return null;
  const places = fields.value.filter((field) => field.kind === "signature");
  if (!places.length) {
    const found = looked.reduce((sum, page) => sum + page.signatures.length, 0);
    return { name: "Signatures", value: found };
  }
  const written = places.filter((field) => !field.isEmpty).length;
  const tone = written < places.length ? "warn" : "ok";
  return { name: "Signed", value: written, note: `of ${count(places.length, "place")}`, tone };
}

function filled() {
  const texts = fields.value.filter((field) => field.kind === "text");
  if (!texts.length) return null;
  const written = texts.filter((field) => !field.isEmpty).length;
  return { name: "Fields filled", value: written, note: `of ${texts.length}` };
}

function boxes() {
  const all = pageList.value.flatMap((page) => page.checkboxes ?? []);
  if (!all.length) return null;
  const ticked = all.filter((box) => box.checked).length;
  return { name: "Boxes ticked", value: ticked, note: `of ${all.length}` };
}

// What the pages are, the most frequent kind first.
function kind() {
  const numbers = new Map();
  for (const { label } of pageList.value) {
    if (label) numbers.set(label, (numbers.get(label) ?? 0) + 1);
  }
  if (!numbers.size) return null;
  const [[label], ...others] = [...numbers].sort(([, one], [, other]) => other - one);
  const note = others.length ? `and ${others.map(([name]) => humane(name)).join(", ")}` : "";
  return { name: "Kind", value: humane(label), note };
}

function pagesRead() {
  const { total = 0, ok = 0, failed = 0, skipped = 0 } = opened.value.pages ?? {};
  if (!total) return null;
  const others = [failed && `${failed} failed`, skipped && `${skipped} skipped`].filter(Boolean);
  const note = [`of ${total}`, ...others].join(", ");
  return { name: "Pages read", value: ok, note, tone: failed ? "bad" : "" };
}
