// The list of recent documents.
import { effect, signal } from "../lib.js";
import { listDocuments } from "../api.js";

export const documents = signal([]);
export const query = signal("");
export const nextCursor = signal("");
export const listProblem = signal(null);
export const isListed = signal(false);

const REFRESH_MS = 4000;

let asking = new AbortController();
let waiting = 0;

// The newest documents whose id contains the query; `more` appends the next ones.
export async function list({ more = false } = {}) {
  asking.abort();
  asking = new AbortController();
  const { signal: stop } = asking;
  try {
    const cursor = more ? nextCursor.value : "";
    const answer = await listDocuments({ query: query.value, cursor }, stop);
    documents.value = [...(more ? documents.value : []), ...answer.documents];
    nextCursor.value = answer.next_cursor ?? "";
    listProblem.value = null;
  } catch (error) {
    if (!stop.aborted) listProblem.value = error;
  } finally {
    isListed.value = true;
  }
}

export function search(text) {
  query.value = text;
  return list();
}

// While documents of the list are being read and somebody looks, the list is kept fresh.
effect(() => {
  const isMoving = documents.value.some((one) => ["queued", "processing"].includes(one.status));
  clearTimeout(waiting);
  if (isMoving) waiting = setTimeout(refresh, REFRESH_MS);
});

async function refresh() {
  waiting = setTimeout(refresh, REFRESH_MS);
  if (document.hidden) return;
  const asked = query.value;
  const { documents: newest } = await listDocuments({ query: asked }).catch(() => ({}));
  if (!newest || asked !== query.value) return;
  const ids = new Set(newest.map((one) => one.id));
  documents.value = [...newest, ...documents.value.filter((one) => !ids.has(one.id))];
}

// Show a document's newest state in the list, at the top when it is new and nothing is searched.
export function remember(resource) {
  const isListed = documents.value.some((one) => one.id === resource.id);
  if (isListed) {
    documents.value = documents.value.map((one) => (one.id === resource.id ? resource : one));
  } else if (!query.value) {
    documents.value = [resource, ...documents.value];
  }
}
