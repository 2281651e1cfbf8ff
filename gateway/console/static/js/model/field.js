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

export function fieldOf(field, { pageNumber, checkbox }, index) {
  const kind = (field.kind ?? "").replace("FIELD_KIND_", "").toLowerCase();
  const reason = (field.reason ?? "").replace("FIELD_REASON_", "");
  const box = checkbox?.checkboxes?.[field.checkboxIndex];
  return {
    key: `field-${index}`,
    page: pageNumber,
    name: field.name,
    label: humane(field.name),
    printed: printedOf(field),
    kind,
    type: (field.type ?? "").replace("FIELD_TYPE_", "").toLowerCase(),
    value: field.value ?? "",
    shown: shownValue(kind, field.value ?? ""),
    rawText: field.rawText ?? "",
    confidence: field.confidence ?? 0,
    reason: REASONS[reason] ?? "",
    isEmpty: isEmpty(kind, field.value ?? ""),
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
  return Boolean(field.reason) || field.confidence < sureFrom;
}

export function concernOf(field, sureFrom) {
  if (field.reason) return field.reason;
  if (field.confidence >= sureFrom) return "";
  return field.isEmpty ? "Probably empty" : "Low confidence";
}
