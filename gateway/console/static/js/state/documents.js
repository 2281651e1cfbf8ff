// The list of recent documents.
import { signal } from "../lib.js";
import { listDocuments } from "../api.js";

export const documents = signal([]);
export const query = signal("");
export const nextCursor = signal("");
export const listProblem = signal(null);
export const isListed = signal(false);

let asking = new AbortController();

// The newest documents whose id contains the query; `more` appends the next ones.
export async function list({ more = false } = {}) {
  asking.abort();
  asking = new AbortController();
  const { signal: stop } = asking;
  try {
    const cursor = more ? nextCursor.value : "";
    const answer = await listDocuments({ query: query.value, cursor }, stop);
    const found = answer.documents ?? answer.items ?? [];
    documents.value = more ? [...documents.value, ...found] : found;
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

// Show a document's newest state in the list, at the top when it is new and nothing is searched.
export function remember(resource) {
  const isListed = documents.value.some((one) => one.id === resource.id);
  if (isListed) {
    documents.value = documents.value.map((one) => (one.id === resource.id ? resource : one));
  } else if (!query.value) {
    documents.value = [resource, ...documents.value];
  }
}
