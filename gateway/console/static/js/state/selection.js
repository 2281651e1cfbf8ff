// What of a page is pointed at, and what of it is shown.
import { computed, effect, signal } from "../lib.js";
import { pages } from "./document.js";
import { route, turn } from "./route.js";

// { page, key } of the field or mark that was chosen; null for none.
export const chosen = signal(null);

export const currentPage = computed(() => pages.value.get(route.value.page) ?? null);

export const layers = signal({ words: false, fields: true, boxes: true, signatures: true });

export const isUpright = signal(true);

export const isChosen = (mark) =>
  chosen.value?.page === route.value.page && chosen.value?.key === mark.key;

export function choose(page, key) {
  chosen.value = { page, key };
  if (page !== route.value.page) turn({ page });
}

export function toggleLayer(name) {
  layers.value = { ...layers.value, [name]: !layers.value[name] };
}

const shownId = computed(() => route.value.id);

effect(() => {
  // What was chosen on the last document means nothing on another one.
  if (shownId.value !== null) chosen.value = null;
});
