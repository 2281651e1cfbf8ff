// A document's trace as rows of a waterfall.

const STEP = /^step /;
const TONES = 6;

// The trace's tree: times in seconds from the earliest start.
export function treeOf({ spans }) {
  const all = flat(spans);
  const end = Math.max(...all.map((span) => span.start_ms + span.duration_ms));
  const tones = new Map();
  const roots = spans.map((span, index) => nodeOf(span, `${index}`, tones));
  return { roots, count: all.length, seconds: Math.max(end / 1000, 1e-9) };
}

const flat = (spans) => spans.flatMap((span) => [span, ...flat(span.children)]);

function nodeOf(span, key, tones) {
  if (!tones.has(span.service)) tones.set(span.service, tones.size % TONES);
  const children = span.children.map((child, index) => nodeOf(child, `${key}.${index}`, tones));
  return {
    key,
    name: span.name,
    // `pagemesh.ocr.v1.OcrService/RecognizePage` without its package.
    shortName: span.name.replace(/^[a-z0-9_.]+\.(?=[A-Z])/, ""),
    detail: detailOf(span),
    service: span.service,
    tone: tones.get(span.service),
    // A batch that another document's page began may have begun before this document.
    offset: Math.max(0, span.start_ms / 1000),
    seconds: span.duration_ms / 1000,
    isError: span.is_error,
    attributes: span.attributes,
    children,
    leadsToSteps: children.some((child) => child.leadsToSteps || STEP.test(child.name)),
  };
}

function detailOf({ attributes, is_shared: isShared }) {
  if (isShared) return "shared with another document";
  return String(attributes["pagemesh.page.number"] ?? "");
}

// What is shown, parents first. At first that is all down to the steps of pages; `toggled` has the
// keys of spans that were folded or unfolded since.
export function rowsOf({ roots }, toggled) {
  const rows = [];
  const walk = (span, depth) => {
    const isOpen = span.leadsToSteps !== toggled.has(span.key);
    rows.push({ span, depth, isOpen });
    if (isOpen) span.children.forEach((child) => walk(child, depth + 1));
  };
  roots.forEach((span) => walk(span, 0));
  return rows;
}
