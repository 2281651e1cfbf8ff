// Where the document's time went: its spans as a waterfall.
import { html, useEffect, useState } from "../lib.js";
import { getTrace } from "../api.js";
import { duration } from "../model/format.js";
import { rowsOf, treeOf } from "../model/spans.js";
import { isFinal } from "../state/document.js";
import { route } from "../state/route.js";
import { Icon } from "./icons.js";

export function TraceRoom() {
  const { id } = route.value;
  const [tree, failure] = useTree(id, isFinal.value);
  const [toggled, setToggled] = useState(new Set());
  const [chosenId, choose] = useState("");
  if (failure) return html`<p class="hint padded" role="status">${failure}</p>`;
  if (!tree) return html`<p class="hint padded" role="status">Loading…</p>`;
  const toggle = (key) => {
    const next = new Set(toggled);
    if (!next.delete(key)) next.add(key);
    setToggled(next);
  };
  const rows = rowsOf(tree, toggled);
  const chosen = rows.find(({ span }) => span.key === chosenId)?.span;
  return html`<div class="trace">
    <div class="waterfall" tabindex="0" role="region" aria-label="Spans of this document">
      <table>
        <caption class="caption">${tree.count} spans in ${duration(tree.seconds)}</caption>
        <thead>
          <tr>
            <th scope="col">Span</th>
            <th scope="col">Process</th>
            <th scope="col" class="right">Time</th>
            <th scope="col"><${Scale} seconds=${tree.seconds} /></th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) => html`<${Row} key=${row.span.key} row=${row} seconds=${tree.seconds}
              isChosen=${row.span.key === chosenId} onToggle=${toggle} onChoose=${choose} />`,
          )}
        </tbody>
      </table>
    </div>
    ${chosen && html`<${Details} span=${chosen} onClose=${() => choose("")} />`}
  </div>`;
}

// Spans come in a little after the document is done: what was fetched is fetched again then.
function useTree(id, isDone) {
  const [state, setState] = useState([null, ""]);
  useEffect(() => {
    const stop = new AbortController();
    getTrace(id, stop.signal).then(
      (trace) => stop.signal.aborted || setState([treeOf(trace), ""]),
      (error) => stop.signal.aborted || setState([null, error.message]),
    );
    return () => stop.abort();
  }, [id, isDone]);
  return state;
}

function Scale({ seconds }) {
  return html`<span class="scale-marks">
    ${[0, 0.25, 0.5, 0.75, 1].map(
      (share) => html`<span key=${share}>${share ? duration(share * seconds) : "0"}</span>`,
    )}
  </span>`;
}

function Row({ row, seconds, isChosen, onToggle, onChoose }) {
  const { span, depth, isOpen } = row;
  const left = (span.offset / seconds) * 100;
  const width = (span.seconds / seconds) * 100;
  const indent = { paddingLeft: `${depth * 0.9}rem` };
  return html`<tr class=${isChosen ? "chosen" : ""}>
    <th scope="row" style=${indent}>
      ${
        span.children.length
          ? html`<button class="fold" type="button" aria-expanded=${isOpen}
            aria-label=${`What ${span.name} consists of`} onClick=${() => onToggle(span.key)}>
            <${Icon} name="chevron" />
          </button>`
          : html`<span class="fold"></span>`
      }
      <button class="open-span" type="button" aria-pressed=${isChosen}
        onClick=${() => onChoose(isChosen ? "" : span.key)}>
        ${span.shortName}${span.detail && html` <span class="hint">${span.detail}</span>`}
      </button>
    </th>
    <td class="hint">${span.service}</td>
    <td class="right number">${duration(span.seconds)}</td>
    <td class="lane">
      <span class=${`bar ${span.isError ? "bad" : ""} tone-${span.tone}`}
        style=${{ left: `${left}%`, width: `max(2px, ${width}%)` }}></span>
    </td>
  </tr>`;
}

function Details({ span, onClose }) {
  const entries = Object.entries(span.attributes);
  return html`<aside class="span-details" aria-label=${`Span ${span.name}`}>
    <header class="row">
      <h2 class="grow">${span.name}</h2>
      <button class="button quiet" type="button" aria-label="Close" onClick=${onClose}>
        <${Icon} name="close" />
      </button>
    </header>
    <p class="hint">
      ${span.service} · ${duration(span.seconds)}, ${duration(span.offset)} after the start
    </p>
    ${span.isError && html`<p class="notice bad">This span ended with an error.</p>`}
    <dl class="facts">
      ${entries.map(
        ([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${String(value)}</dd></div>`,
      )}
    </dl>
    ${!entries.length && html`<p class="hint">No attributes.</p>`}
  </aside>`;
}
