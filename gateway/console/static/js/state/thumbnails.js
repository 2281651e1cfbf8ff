// Small pictures of pages as object URLs, kept while their document is looked at.
import { getPageImage } from "../api.js";

const WIDTH = 96;
const kept = new Map();
let shownId = "";

// The URL of a page's small picture.
export function thumbnail(id, number) {
  if (id !== shownId) forget(id);
  if (!kept.has(number)) {
    const made = load(id, number);
    kept.set(number, made);
    made.catch(() => kept.delete(number));
  }
  return kept.get(number);
}

async function load(id, number) {
  return URL.createObjectURL(await getPageImage(id, number, { width: WIDTH }));
}

function forget(id) {
  for (const made of kept.values()) made.then(URL.revokeObjectURL).catch(() => {});
  kept.clear();
  shownId = id;
}
