// Where the user is, kept in the address's fragment: `#/documents/ID/review?page=2`.
import { signal } from "../lib.js";

export const TABS = ["review", "trace", "json"];

export const route = signal(parse(location.hash));
addEventListener("hashchange", () => (route.value = parse(location.hash)));

function parse(hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split("?");
  const [room, id, tab] = path.split("/").map(decodeURIComponent);
  const page = Number(new URLSearchParams(query).get("page")) || 1;
  if (room !== "documents" || !id) return { id: "", tab: "review", page: 1 };
  return { id, tab: TABS.includes(tab) ? tab : "review", page };
}

export function hrefOf({ id, tab = "review", page = 1 }) {
  if (!id) return "#/";
  const query = page > 1 ? `?page=${page}` : "";
  return `#/documents/${encodeURIComponent(id)}/${tab}${query}`;
}

export function go(place) {
  location.hash = hrefOf(place);
}

// Another page or tab of the same document: the way back leads out of the document.
export function turn(change) {
  const place = { ...route.value, ...change };
  history.replaceState(null, "", hrefOf(place));
  route.value = place;
}
