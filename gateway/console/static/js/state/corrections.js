// What people said of fields, and the state of the document that it was seen in.
import { signal } from "../lib.js";
import { Problem, changeCorrections, getCorrections } from "../api.js";

// `byPage` holds maps from a field's index to { value, client, at }, by the page's number.
const NONE = { etag: "", byPage: new Map() };

export const corrections = signal(NONE);

export function forgetCorrections() {
  corrections.value = NONE;
}

export async function loadCorrections(id, stop) {
  const found = await getCorrections(id, stop);
  if (!stop?.aborted) take(found);
}

// Say what a field's value is; null takes it back. What others said meanwhile is shown first.
export async function correct(id, { page, index }, value) {
  const change = [{ page_number: page, field_index: index, value }];
  try {
    take(await changeCorrections(id, corrections.value.etag, change));
  } catch (error) {
    if (error.status !== 412) throw error;
    await loadCorrections(id);
    throw new Problem(412, "Somebody corrected this document meanwhile. Look again, then save.");
  }
}

function take({ etag, list }) {
  const byPage = new Map();
  for (const { page_number: page, field_index: index, ...said } of list) {
    if (!byPage.has(page)) byPage.set(page, new Map());
    byPage.get(page).set(index, said);
  }
  corrections.value = { etag, byPage };
}
