// A field of a page, and whether a person should look at it.
import { quadOf } from "./geometry.js";
import { humane } from "./format.js";

const REASONS = {
  EMPTY: "",
  MISSING_REQUIRED: "Required, and left empty",
  NOT_FOUND: "Its place is not on the page",
  ILLEGIBLE: "Written, but could not be read",
  WRONG_TYPE: "Not what this field should hold",
  BREAKS_RULE: "Breaks a rule of the form",
  BAD_CHECKSUM: "Check digits do not fit",
  SEVERAL_TICKED: "More than one option ticked",
  NOT_LOOKED_FOR: "Not looked for in this pipeline",
};

// `correction` is what a person said: { value, client, at }.
export function fieldOf(field, { pageNumber, checkbox }, index, correction) {
  const kind = (field.kind ?? "").replace("FIELD_KIND_", "").toLowerCase();
  const reason = (field.reason ?? "").replace("FIELD_REASON_", "");
  const box = checkbox?.checkboxes?.[field.checkboxIndex];
  const read = readOf(kind, field.value ?? "");
  const value = correction?.value ?? read;
  return {
    key: `field-${index}`,
    page: pageNumber,
    index,
    name: field.name,
    label: humane(field.name),
    printed: printedOf(field),
    kind,
    type: (field.type ?? "").replace("FIELD_TYPE_", "").toLowerCase(),
    value,
    shown: shownValue(kind, value),
    read,
    shownRead: shownValue(kind, read),
    correction: correction ?? null,
    rawText: field.rawText ?? "",
    confidence: field.confidence ?? 0,
    reason: REASONS[reason] ?? "",
    isEmpty: isEmpty(kind, value),
    checkboxIndex: field.checkboxIndex,
    form: field.form ?? "",
    quad: quadOf(field.quad ?? box?.quad),
  };
}

// The form's own words, where they say more than the name.
function printedOf({ name, label, group }) {
  const says = [group, label].filter(Boolean).join(" · ");
  const letters = (text) => text.toLowerCase().replace(/[^a-z0-9]/g, "");
  return letters(says) === letters(name) ? "" : says;
}

// A box that nobody looked for has no value.
function readOf(kind, value) {
  return kind === "checkbox" || kind === "signature" ? value || "false" : value;
}

function shownValue(kind, value) {
  if (kind === "checkbox") return value === "true" ? "Ticked" : "Not ticked";
  if (kind === "signature") return value === "true" ? "Signed" : "Not signed";
  return value;
}

function isEmpty(kind, value) {
  return kind === "text" || kind === "unspecified" ? !value : value !== "true";
}

// Whether a person should look, given the least share that counts as sure.
export function needsReview(field, sureFrom) {
  if (field.correction) return false;
  return Boolean(field.reason) || field.confidence < sureFrom;
}

export function concernOf(field, sureFrom) {
  if (field.correction) return "";
  if (field.reason) return field.reason;
  if (field.confidence >= sureFrom) return "";
  return field.isEmpty ? "Probably empty" : "Low confidence";
}
