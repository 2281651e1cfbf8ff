// How a page was read: its kind, its scan, and every step with the model that did it.
import { html } from "../lib.js";
import { duration, percent } from "../model/format.js";

const TURNS = {
  up: "upright",
  right: "on its right side",
  down: "upside down",
  left: "on its left side",
};

export function AboutPage({ page }) {
  if (!page) return html`<p class="hint padded">Not read yet.</p>`;
  const name = `About page ${page.number}`;
  return html`<div class="about" tabindex="0" role="region" aria-label=${name}>
    ${page.reason && html`<p class="notice warn">${page.reason}</p>`}
    <dl class="facts">
      ${facts(page).map(
        ([fact, value]) => html`<div key=${fact}><dt>${fact}</dt><dd>${value}</dd></div>`,
      )}
    </dl>
    <table class="steps">
      <caption class="caption">Steps</caption>
      <thead>
        <tr>
          <th scope="col">Step</th>
          <th scope="col">Model</th>
          <th scope="col" class="right">Time</th>
        </tr>
      </thead>
      <tbody>${page.steps.map((step) => html`<${Step} key=${step.step} step=${step} />`)}</tbody>
    </table>
  </div>`;
}

function facts(page) {
  const { quality } = page;
  const density = page.dpi ? `, ${Math.round(page.dpi)} dpi` : "";
  return [
    ["Outcome", page.outcome],
    ["Kind", page.label && `${page.label} (${percent(page.labelScore)})`],
    ["Form", page.form],
    ["Scan", `${page.width} × ${page.height} px${density}`],
    ["Lies", page.orientation && `${TURNS[page.orientation]}, skewed ${page.skew.toFixed(1)}°`],
    ["Contrast", quality && percent(quality.contrast ?? 0)],
    ["Blur", quality && percent(quality.blur ?? 0)],
    ["Cut off", quality && percent(quality.cutOff ?? 0)],
  ].filter(([, value]) => value);
}

function Step({ step }) {
  const outcome = (step.outcome ?? "").replace("STEP_OUTCOME_", "").toLowerCase();
  const why = step.error?.message ?? step.decision?.condition;
  const { model } = step;
  const how = model ? `${model.name} ${model.version} · ${model.device}` : outcome;
  return html`<tr class=${outcome}>
    <th scope="row">${step.step}</th>
    <td>${how}${why && html`<span class="why">${outcome}: ${why}</span>`}</td>
    <td class="right">${step.duration ? duration(Number.parseFloat(step.duration)) : ""}</td>
  </tr>`;
}
