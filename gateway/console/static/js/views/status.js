// A document's or page's state as a word with a colour.
import { html } from "../lib.js";

const TONES = {
  queued: "neutral",
  processing: "busy",
  ready: "ok",
  partial: "warn",
  failed: "bad",
  cancelled: "neutral",
};

export function Status({ status }) {
  return html`<span class=${`status ${TONES[status] ?? "neutral"}`}>${status}</span>`;
}
