// Page images as object URLs, the last few kept: an image cannot be asked for with a key otherwise.
import { getPageImage } from "../api.js";

const KEPT = 6;
const kept = new Map();

// The URL of a page's image, and its pixels for crops: { url, bitmap }.
export function pageImage(id, number) {
  const key = `${id}/${number}`;
  const found = kept.get(key) ?? load(id, number);
  kept.delete(key);
  kept.set(key, found);
  found.catch(() => kept.delete(key));
  if (kept.size > KEPT) forget(kept.keys().next().value);
  return found;
}

async function load(id, number) {
  const blob = await getPageImage(id, number);
  return { url: URL.createObjectURL(blob), bitmap: await createImageBitmap(blob) };
}

function forget(key) {
  const leaving = kept.get(key);
  kept.delete(key);
  leaving.then(({ url, bitmap }) => (URL.revokeObjectURL(url), bitmap.close())).catch(() => {});
}
