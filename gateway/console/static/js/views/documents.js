// Recent documents, and the search by id.
import { html } from "../lib.js";
import { count, exactMoment, moment } from "../model/format.js";
import * as recent from "../state/documents.js";
import { go, hrefOf, route } from "../state/route.js";
import { Icon } from "./icons.js";
import { Status } from "./status.js";

let typing = 0;

function typed(event) {
  clearTimeout(typing);
  const text = event.target.value.trim();
  typing = setTimeout(() => recent.search(text), 200);
}

// Enter opens a document by its whole id, also one that the list does not show.
function submitted(event) {
  event.preventDefault();
  const id = new FormData(event.target).get("id").trim();
  if (id) go({ id: recent.documents.value.find((one) => one.id.startsWith(id))?.id ?? id });
}

export function DocumentList() {
  return html`<nav class="sidebar" aria-label="Documents">
    <form class="search" role="search" onSubmit=${submitted}>
      <${Icon} name="search" />
      <input
        name="id"
        type="search"
        placeholder="Find by id"
        aria-label="Find a document by its id"
        autocomplete="off"
        spellcheck="false"
        onInput=${typed}
      />
    </form>
    <h2 class="caption">${recent.query.value ? "Found" : "Recent documents"}</h2>
    <${Body} />
  </nav>`;
}

function Body() {
  const found = recent.documents.value;
  if (recent.listProblem.value) {
    return html`<p class="hint padded" role="alert">${recent.listProblem.value.message}</p>`;
  }
  if (!found.length) {
    const empty = recent.query.value ? "No document has an id like that." : "Nothing sent yet.";
    return html`<p class="hint padded">${recent.isListed.value ? empty : "Loading…"}</p>`;
  }
  return html`
    <ul class="documents">
      ${found.map((one) => html`<${Entry} key=${one.id} resource=${one} />`)}
    </ul>
    ${
      recent.nextCursor.value &&
      html`<button class="button quiet wide" type="button" onClick=${older}>
        Older documents
      </button>`
    }
  `;
}

const older = () => recent.list({ more: true });

function Entry({ resource }) {
  const isCurrent = resource.id === route.value.id;
  const total = resource.pages?.total ?? 0;
  return html`<li>
    <a href=${hrefOf({ id: resource.id })} aria-current=${isCurrent ? "page" : undefined}>
      <span class="name">${nameOf(resource)}</span>
      <${Status} status=${resource.status} />
      <span class="break"></span>
      <span class="hint id">${resource.id}</span>
      <span class="hint when" title=${exactMoment(resource.created_at)}>
        ${total ? `${count(total, "page")} · ` : ""}${moment(resource.created_at)}
      </span>
    </a>
  </li>`;
}

export const nameOf = (resource) => resource.source.split("/").pop() || resource.id;
