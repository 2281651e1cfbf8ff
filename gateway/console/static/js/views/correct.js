// A person's word on a field: right as it was read, or something else.
import { html, useState } from "../lib.js";
import { exactMoment } from "../model/format.js";
import { correct } from "../state/corrections.js";
import { route } from "../state/route.js";

const CHOICES = {
  checkbox: [
    ["true", "Ticked"],
    ["false", "Not ticked"],
  ],
  signature: [
    ["true", "Signed"],
    ["false", "Not signed"],
  ],
};

export function Correct({ field }) {
  const [value, setValue] = useState(field.value);
  const [said, say] = useState("");
  const [isSaving, setSaving] = useState(false);
  const save = async (wanted) => {
    setSaving(true);
    say("");
    try {
      await correct(route.value.id, field, wanted);
    } catch (error) {
      say(error.message);
    }
    setSaving(false);
  };
  const submitted = (event) => {
    event.preventDefault();
    save(value);
  };
  const takeBack = () => {
    setValue(field.read);
    save(null);
  };
  return html`<form class="correct" onSubmit=${submitted}>
    <${Value} field=${field} value=${value} onValue=${setValue} />
    <button class="button" type="submit" disabled=${isSaving}>
      ${value === field.read ? "Confirm" : "Save"}
    </button>
    ${
      field.correction &&
      html`<button class="button quiet" type="button" disabled=${isSaving} onClick=${takeBack}>
        Take back
      </button>`
    }
    <p class="hint" role="status">${said || whoSaid(field)}</p>
  </form>`;
}

function Value({ field, value, onValue }) {
  const name = `Right value of ${field.label}`;
  const changed = ({ target }) => onValue(target.value);
  const choices = CHOICES[field.kind];
  if (!choices) {
    return html`<input type="text" maxlength="4096" aria-label=${name} value=${value} onInput=${changed} />`;
  }
  return html`<select aria-label=${name} value=${value} onChange=${changed}>
    ${choices.map(([choice, title]) => html`<option key=${choice} value=${choice}>${title}</option>`)}
  </select>`;
}

function whoSaid({ correction }) {
  if (!correction) return "";
  const who = correction.client ? `by ${correction.client}, ` : "";
  return `Said ${who}${exactMoment(correction.at)}`;
}
