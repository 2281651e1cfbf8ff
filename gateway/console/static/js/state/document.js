// The document that is looked at: its resource, and its pages as they come in.
import { computed, signal } from "../lib.js";
import { Problem, getDocument, getPage, watchDocument } from "../api.js";
import { needsReview } from "../model/field.js";
import { pageOf } from "../model/page.js";
import { corrections, forgetCorrections, loadCorrections } from "./corrections.js";
import { remember } from "./documents.js";
import { threshold } from "./session.js";

export const FINAL = ["ready", "partial", "failed", "cancelled"];
const FETCHED_AT_ONCE = 4;
const WAIT_MS = [500, 1000, 2000, 5000];

export const opened = signal(null);
const read = signal(new Map());
export const problem = signal(null);

export const isFinal = computed(() => FINAL.includes(opened.value?.status));
// Pages by number, with what people said of their fields.
export const pages = computed(() => {
  const shown = new Map(read.value);
  for (const [number, said] of corrections.value.byPage) {
    if (shown.has(number)) shown.set(number, pageOf(shown.get(number).raw, said));
  }
  return shown;
});
export const pageList = computed(() =>
  [...pages.value.values()].sort((one, other) => one.number - other.number),
);
export const fields = computed(() => pageList.value.flatMap((page) => page.fields));
export const toReview = computed(() =>
  fields.value.filter((field) => needsReview(field, threshold.value / 100)),
);

let watching = new AbortController();

// Look at a document from now on; an empty id looks at none.
export async function open(id) {
  watching.abort();
  watching = new AbortController();
  const { signal: stop } = watching;
  [opened.value, read.value, problem.value] = [null, new Map(), null];
  forgetCorrections();
  if (!id) return;
  try {
    take(await getDocument(id, stop), stop);
    if (!isFinal.value) await follow(id, stop);
    await loadCorrections(id, stop);
    await fetchPages(id, stop);
  } catch (error) {
    if (!stop.aborted) problem.value = error;
  }
}

function take(resource, stop) {
  if (stop.aborted) return;
  opened.value = resource;
  remember(resource);
}

// Events until the document is final; a broken stream is taken up again where it broke.
async function follow(id, stop) {
  let last = "";
  for (let failures = 0; !isFinal.value && !stop.aborted; failures += 1) {
    try {
      if (failures) {
        await pause(WAIT_MS[Math.min(failures, WAIT_MS.length) - 1]);
        take(await getDocument(id, stop), stop);
      }
      for await (const event of watchDocument(id, last, stop)) {
        [last, failures] = [event.id || last, 0];
        await happened(id, event, stop);
      }
    } catch (error) {
      if (stop.aborted || isForGood(error)) throw error;
      console.warn(error);
    }
  }
}

const isForGood = ({ status }) => status >= 400 && status < 500 && status !== 429;

async function happened(id, { type, data }, stop) {
  if (type === "page") await fetchPage(id, data.page_number, stop);
  else if (data.status) take({ ...opened.value, ...data }, stop);
}

async function fetchPages(id, stop) {
  const total = opened.value.pages?.total ?? 0;
  const missing = Array.from({ length: total }, (_, index) => index + 1).filter(
    (number) => !read.value.has(number),
  );
  const worker = async () => {
    while (missing.length && !stop.aborted) await fetchPage(id, missing.shift(), stop);
  };
  await Promise.all(Array.from({ length: FETCHED_AT_ONCE }, worker));
}

async function fetchPage(id, number, stop) {
  try {
    const page = pageOf(await getPage(id, number, stop));
    if (stop.aborted) return;
    read.value = new Map(read.value).set(number, page);
  } catch (error) {
    // A page that was never begun, in a document that was cancelled or failed.
    if (!(error instanceof Problem && error.status === 404)) throw error;
  }
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
