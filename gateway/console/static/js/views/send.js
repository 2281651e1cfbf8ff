// Where a document is dropped, or its location given.
import { html, signal, useEffect, useRef } from "../lib.js";
import { listPipelines, submitFile, submitLocation } from "../api.js";
import { remember } from "../state/documents.js";
import { go } from "../state/route.js";
import { apiKey } from "../state/session.js";
import { Icon } from "./icons.js";

const KINDS = ".pdf,.tif,.tiff,.png,.jpg,.jpeg,.webp";

const pipelines = signal([]);
const isSending = signal("");
const problem = signal("");
const isOver = signal(false);

// One after the other; then to the first of them, unless something is to be said here.
async function send(items) {
  const [sent, problems] = [[], []];
  problem.value = "";
  for (const { name, submit } of items) {
    isSending.value = name;
    try {
      sent.push(await submit());
      remember(sent.at(-1));
    } catch (error) {
      problems.push(items.length > 1 ? `${name}: ${error.message}` : error.message);
    }
  }
  [isSending.value, problem.value] = ["", problems.join(" ")];
  if (sent.length && !problems.length) go({ id: sent[0].id });
}

export function SendRoom() {
  const form = useRef(null);
  useEffect(() => {
    problem.value = "";
    listPipelines()
      .then((answer) => (pipelines.value = answer.pipelines))
      .catch((error) => (problem.value = error.message));
  }, [apiKey.value]);
  const sendFiles = (files) => {
    const choices = choicesOf(form.current);
    send(files.map((file) => ({ name: file.name, submit: () => submitFile(file, choices) })));
  };
  const sendLocation = (event) => {
    event.preventDefault();
    const location = new FormData(form.current).get("location").trim();
    const submit = () => submitLocation(location, choicesOf(form.current));
    if (location) send([{ name: location, submit }]);
  };
  return html`<form class="send" ref=${form} onSubmit=${sendLocation}>
    <h1>Send a document</h1>
    <${DropZone} onFiles=${sendFiles} />
    <p class="or"><span>or say where it is</span></p>
    <div class="row">
      <label class="field grow">
        <span>Location</span>
        <input name="location" type="text" inputmode="url" spellcheck="false"
          placeholder="s3://forms/4711.pdf" />
      </label>
      <button class="button primary" type="submit" disabled=${Boolean(isSending.value)}>
        Send
      </button>
    </div>
    <div class="row">
      <${PipelineChoice} />
      <label class="field">
        <span>Pages</span>
        <input name="pages" type="text" placeholder="all, or 1-3,7" spellcheck="false" />
      </label>
    </div>
    <details class="more">
      <summary>More options</summary>
      <div class="row">
        <label class="field grow">
          <span>Document id</span>
          <input name="request_id" type="text" placeholder="made up" spellcheck="false" />
        </label>
        <label class="field grow">
          <span>Password of a protected PDF</span>
          <input name="password" type="password" autocomplete="off" />
        </label>
      </div>
    </details>
    <p class="notice bad" role="alert" hidden=${!problem.value}>${problem.value}</p>
  </form>`;
}

// What was filled in, by the API's names.
function choicesOf(form) {
  const given = [...new FormData(form)].map(([name, value]) => [name, value.trim()]);
  return Object.fromEntries(given.filter(([name, value]) => value && name !== "location"));
}

function DropZone({ onFiles }) {
  const input = useRef(null);
  const drop = (event) => {
    event.preventDefault();
    isOver.value = false;
    onFiles([...event.dataTransfer.files]);
  };
  const hover = (event) => {
    event.preventDefault();
    isOver.value = event.type === "dragover";
  };
  const chosen = (event) => {
    onFiles([...event.target.files]);
    event.target.value = "";
  };
  return html`<div
    class=${`drop ${isOver.value ? "over" : ""}`}
    onDragOver=${hover}
    onDragLeave=${hover}
    onDrop=${drop}
  >
    <${Icon} name="upload" />
    <p class="lead" aria-live="polite">
      ${isSending.value ? `Sending ${isSending.value}…` : "Drop scans here"}
    </p>
    <button class="button" type="button" disabled=${Boolean(isSending.value)}
      onClick=${() => input.current.click()}>Choose files</button>
    <input ref=${input} type="file" multiple accept=${KINDS} hidden onChange=${chosen} />
    <p class="hint">PDF, TIFF, PNG, JPEG or WebP</p>
  </div>`;
}

function PipelineChoice() {
  const known = pipelines.value;
  return html`<label class="field grow">
    <span>Pipeline</span>
    <select name="pipeline">
      ${!known.length && html`<option value="">default</option>`}
      ${known.map(
        (one) => html`<option value=${one.name} selected=${one.is_default}>
          ${one.description ? `${one.name}: ${one.description}` : one.name}
        </option>`,
      )}
    </select>
  </label>`;
}
