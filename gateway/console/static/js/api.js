// The gateway's REST API as functions.
import { readEvents } from "./events.js";
import { apiKey, askForKey } from "./state/session.js";

const BASE = new URL("v1/", document.baseURI);

// What the gateway answers instead of a result: RFC 9457's problem details.
export class Problem extends Error {
  constructor(status, detail, title) {
    super(detail || title || `The gateway answered ${status}.`);
    this.status = status;
  }
}

async function call(path, { headers = {}, ...options } = {}) {
  const key = apiKey.value;
  const credentials = key ? { Authorization: `Bearer ${key}` } : {};
  const response = await send(new URL(path, BASE), {
    ...options,
    headers: { ...credentials, ...headers },
  });
  if (response.ok) return response;
  // Not when another key was given meanwhile.
  if (response.status === 401 && key === apiKey.value) askForKey();
  throw await problemOf(response);
}

async function send(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The gateway cannot be reached. Is it running?");
  }
}

async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  const detail = typeof body.detail === "string" ? body.detail : "";
  return new Problem(response.status, detail, body.title);
}

const json = async (path, options) => (await call(path, options)).json();
const one = (id) => `documents/${encodeURIComponent(id)}`;

export const listPipelines = () => json("pipelines");
export const getDocument = (id, signal) => json(one(id), { signal });
export const getPage = (id, number, signal) => json(`${one(id)}/pages/${number}`, { signal });
export const getTrace = (id, signal) => json(`${one(id)}/trace`, { signal });
export const cancelDocument = (id) => call(one(id), { method: "DELETE" });

// `asked` may name a width in pixels; the picture is smaller then.
export async function getPageImage(id, number, asked = {}) {
  const query = new URLSearchParams(asked);
  return (await call(`${one(id)}/pages/${number}/image?${query}`)).blob();
}

export async function getOverlay(id, number) {
  return (await call(`${one(id)}/pages/${number}/overlay.png`)).blob();
}

// What people said of fields as { etag, list }.
export const getCorrections = (id, signal) => corrections(id, { signal });

export function changeCorrections(id, etag, list) {
  return corrections(id, {
    method: "PATCH",
    headers: { "Content-Type": "application/json", "If-Match": etag },
    body: JSON.stringify({ corrections: list }),
  });
}

async function corrections(id, options) {
  const response = await call(`${one(id)}/corrections`, options);
  return { etag: response.headers.get("ETag"), list: (await response.json()).corrections };
}

export async function getResult(id, format) {
  return (await call(`${one(id)}/result?format=${format}`)).blob();
}

export function listDocuments({ query, cursor, limit = 30 }, signal) {
  const asked = new URLSearchParams({ limit });
  if (query) asked.set("query", query);
  if (cursor) asked.set("cursor", cursor);
  return json(`documents?${asked}`, { signal });
}

// `choices` are what the API calls them: pipeline, pages, request_id, password.
export function submitLocation(location, choices) {
  return json("documents", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ location, ...choices }),
  });
}

export function submitFile(file, choices) {
  const form = new FormData();
  for (const [name, value] of Object.entries(choices)) form.append(name, value);
  form.append("file", file, file.name);
  return json("documents", { method: "POST", body: form });
}

// Events of a document, one after the other, as { type, id, data }.
export async function* watchDocument(id, lastEventId, signal) {
  const headers = { Accept: "text/event-stream" };
  if (lastEventId) headers["Last-Event-ID"] = lastEventId;
  const response = await call(`${one(id)}/events`, { headers, signal });
  yield* readEvents(response.body);
}
