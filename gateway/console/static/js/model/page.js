// A page's result, Protobuf JSON of a PageResult, as the views want it.
import { quadOf, IDENTITY } from "./geometry.js";
import { fieldOf } from "./field.js";

// Words less sure than this are drawn as unsure; the exported overlay draws the same line.
const UNSURE_BELOW = 0.6;

// `said` holds what people said of fields, by their index.
export function pageOf(result, said = new Map()) {
  const lines = (result.ocr?.lines ?? []).map(lineOf);
  const fields = (result.fields ?? []).map((field, index) =>
    fieldOf(field, result, index, said.get(index)),
  );
  const page = {
    number: result.pageNumber,
    outcome: (result.outcome ?? "").replace("PAGE_OUTCOME_", "").toLowerCase(),
    reason: result.reason || result.error?.message || "",
    width: result.width ?? 0,
    height: result.height ?? 0,
    dpi: result.dpi ?? 0,
    upright: uprightOf(result),
    label: result.classify?.label ?? "",
    labelScore: result.classify?.score ?? 0,
    form: result.form?.name ?? "",
    quality: result.deskew?.quality ?? null,
    skew: result.deskew?.skewDegrees ?? 0,
    orientation: (result.deskew?.orientation ?? "").replace("ORIENTATION_", "").toLowerCase(),
    steps: result.steps ?? [],
    lines,
    fields,
    checkboxes: result.checkbox?.checkboxes ?? null,
    signatures: result.signature?.signatures ?? null,
    raw: result,
  };
  return { ...page, marks: marksOf(page) };
}

function lineOf(line) {
  const words = (line.words ?? []).map((word) => ({
    text: word.text,
    confidence: word.confidence ?? 0,
    quad: quadOf(word.quad),
  }));
  return { text: line.text, confidence: line.confidence ?? 0, quad: quadOf(line.quad), words };
}

function uprightOf({ deskew, width, height }) {
  const transform = deskew?.uprightTransform;
  if (transform?.matrix?.length !== 9) return { matrix: IDENTITY, width, height };
  return transform;
}

// What is drawn over a page, by layer, in reading order.
function marksOf(page) {
  const words = page.lines.flatMap((line) => line.words);
  const values = page.fields.filter((field) => field.quad && field.kind !== "checkbox");
  const boxes = page.checkboxes ?? [];
  const signatures = page.signatures ?? [];
  return {
    words: words.filter((word) => word.quad).map((word, index) => wordMark(word, index)),
    fields: values.map(fieldMark),
    boxes: boxes.map((box, index) => boxMark(box, index, page.fields)),
    signatures: signatures.map((signature, index) => signatureMark(signature, index)),
  };
}

const wordMark = (word, index) => ({
  key: `word-${index}`,
  kind: word.confidence < UNSURE_BELOW ? "word-unsure" : "word",
  what: word.confidence < UNSURE_BELOW ? "Unsure word" : "Word",
  text: word.text,
  confidence: word.confidence,
  quad: word.quad,
});

const fieldMark = (field) => ({
  key: field.key,
  kind: kindOf(field),
  what: field.label,
  text: field.shown || "empty",
  confidence: field.confidence,
  quad: field.quad,
  field,
});

function kindOf({ kind, isEmpty }) {
  if (kind === "signature") return "place";
  return isEmpty ? "field-empty" : "field";
}

function boxMark(box, index, fields) {
  const field = fields.find((one) => one.checkboxIndex === index);
  const shape = box.shape === "CHECKBOX_SHAPE_CIRCLE" ? "Circle" : "Box";
  const tickedScore = box.checkedScore ?? 0;
  return {
    key: field?.key ?? `box-${index}`,
    kind: box.checked ? "box-ticked" : "box",
    what: field?.label ?? shape,
    text: box.checked ? "ticked" : "not ticked",
    confidence: box.checked ? tickedScore : 1 - tickedScore,
    quad: quadOf(box.quad),
    field,
  };
}

const signatureMark = (signature, index) => ({
  key: `signature-${index}`,
  kind: "signature",
  what: "Signature",
  text: "signed here",
  confidence: signature.score ?? 0,
  quad: quadOf(signature.quad),
});
