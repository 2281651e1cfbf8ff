// One document: what became of it, and its three rooms.
import { html, useEffect, useRef, useState } from "../lib.js";
import { cancelDocument, getDocument } from "../api.js";
import { count, duration, exactMoment } from "../model/format.js";
import { corrections } from "../state/corrections.js";
import { isFinal, opened, pageList, problem } from "../state/document.js";
import { route, TABS, turn } from "../state/route.js";
import { nameOf } from "./documents.js";
import { Downloads } from "./downloads.js";
import { Icon } from "./icons.js";
import { JsonRoom } from "./json.js";
import { ReviewRoom } from "./review.js";
import { Status } from "./status.js";
import { Summary } from "./summary.js";
import { TraceRoom } from "./trace.js";

const ROOMS = { review: ReviewRoom, trace: TraceRoom, json: JsonRoom };
const TITLES = { review: "Review", trace: "Trace", json: "JSON" };

export function DocumentRoom() {
  if (problem.value) return html`<${Trouble} error=${problem.value} />`;
  if (!opened.value) return html`<p class="hint padded" role="status">Loading…</p>`;
  const { tab } = route.value;
  return html`<article class="document">
    <${Heading} resource=${opened.value} />
    <${Summary} />
    <${Tabs} current=${tab} />
    <section class=${`panel ${tab}`} id="panel" role="tabpanel" aria-labelledby=${`tab-${tab}`}>
      <${ROOMS[tab]} />
    </section>
  </article>`;
}

function Trouble({ error }) {
  const title = error.status === 404 ? "There is no such document" : "That did not work";
  return html`<div class="trouble" role="alert">
    <h1>${title}</h1>
    <p>${error.message}</p>
  </div>`;
}

function Heading({ resource }) {
  const seconds = (new Date(endOf(resource)) - new Date(resource.created_at)) / 1000;
  return html`<header class="heading">
    <div class="grow">
      <h1>${nameOf(resource)} <${Status} status=${resource.status} /></h1>
      <p class="hint">
        <code>${resource.id}</code>
        ${resource.pipeline && html` · <span>${resource.pipeline}</span>`}
        ${" · "}<time datetime=${resource.created_at}>${exactMoment(resource.created_at)}</time>
        ${isFinal.value && seconds > 0 && html`<span class="took"> · took ${duration(seconds)}</span>`}
      </p>
    </div>
    ${!isFinal.value && html`<${Cancel} id=${resource.id} />`}
    <${Downloads} resource=${resource} />
    ${!isFinal.value && html`<${Progress} pages=${resource.pages} />`}
    ${
      resource.error &&
      html`<p class="notice bad" role="alert">
      ${resource.error.detail ?? resource.error.title ?? resource.error.message}
    </p>`
    }
  </header>`;
}

// A correction changes the document, too, long after it was read.
function endOf({ result, updated_at: changed }) {
  return result?.document?.endTime ?? (corrections.value.byPage.size ? Number.NaN : changed);
}

function Cancel({ id }) {
  const [failure, tell] = useState("");
  const cancel = async () => {
    try {
      await cancelDocument(id);
      opened.value = await getDocument(id);
    } catch (error) {
      tell(error.message);
    }
  };
  return html`<span class="hint" role="status">${failure}</span>
    <button class="button" type="button" onClick=${cancel}><${Icon} name="close" />Cancel</button>`;
}

function Progress({ pages }) {
  const done = Math.max(pages?.done ?? 0, pageList.value.length);
  const total = pages?.total ?? 0;
  const said = total ? `${done} of ${count(total, "page")} read` : "Opening the document";
  return html`<div class="progress">
    <progress max=${total || undefined} value=${total ? done : undefined} aria-label="Pages read" />
    <span class="hint" role="status">${said}</span>
  </div>`;
}

function Tabs({ current }) {
  const list = useRef(null);
  const moved = useRef(false);
  useEffect(() => {
    if (moved.current) list.current.querySelector("[aria-selected=true]").focus();
    moved.current = false;
  }, [current]);
  const pressed = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    moved.current = true;
    turn({ tab: TABS[(TABS.indexOf(current) + step + TABS.length) % TABS.length] });
  };
  return html`<div class="tabs" role="tablist" aria-label="Views" ref=${list} onKeyDown=${pressed}>
    ${TABS.map(
      (name) => html`<button
        type="button"
        role="tab"
        id=${`tab-${name}`}
        aria-controls="panel"
        aria-selected=${name === current}
        tabindex=${name === current ? 0 : -1}
        onClick=${() => turn({ tab: name })}
      >
        ${TITLES[name]}
      </button>`,
    )}
  </div>`;
}
