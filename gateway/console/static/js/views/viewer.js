// A page's scan with what was read drawn over it: layers, zoom, and a way to move about.
import { html, signal, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../lib.js";
import { humane } from "../model/format.js";
import { boxOf, cssMatrix, IDENTITY, mapped } from "../model/geometry.js";
import { pageImage } from "../state/images.js";
import { chosen, isUpright } from "../state/selection.js";
import { Hint } from "./hint.js";
import { Overlay } from "./overlay.js";
import { usePanning } from "./panning.js";
import { Toolbar } from "./toolbar.js";

const STEP = 1.25;
const [LEAST, MOST] = [0.05, 6];
// A chosen value is shown at no less than this many screen pixels a page pixel.
const READABLE = 0.75;

export function Viewer({ id, page }) {
  const view = useRef(null);
  const [scan, failure] = useScan(id, page.number);
  const [zoom, setZoom] = useState("width");
  const space = useSpace(view);
  const placed = placement(page, zoom, space);
  const pointed = useMemo(() => signal(null), []);
  const zoomTo = (factor) => setZoom(clamp(placed.scale * factor));
  const pressed = (event) => {
    const actions = {
      "+": () => zoomTo(STEP),
      "=": () => zoomTo(STEP),
      "-": () => zoomTo(1 / STEP),
      0: () => setZoom("width"),
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  };
  usePanning(view, placed.scale, (scale) => setZoom(clamp(scale)));
  useShownChoice(view, page, placed, setZoom);
  const title = `Scan of page ${page.number}`;
  return html`<div class="viewer" onKeyDown=${pressed}>
    <${Toolbar} page=${page} scale=${placed.scale} onZoom=${zoomTo} onFit=${setZoom} />
    ${page.reason && html`<p class="notice warn">${humane(page.outcome)}: ${page.reason}</p>`}
    <div
      class="view"
      ref=${view}
      tabindex="0"
      role="region"
      aria-label=${`Page ${page.number}, scan. Plus and minus zoom, arrows move.`}
    >
      <div class="stage" style=${sizeOf(placed)}>
        <div class="sheet-as-sent" style=${{ ...sizeOf(page), transform: placed.transform }}>
          ${scan && html`<img src=${scan.url} alt=${title} draggable=${false} />`}
          <${Overlay} page=${page} scale=${placed.scale} view=${view} pointed=${pointed} />
        </div>
        <${Hint} pointed=${pointed} placed=${placed} />
        ${!scan && html`<p class="hint waiting" role="status">${failure || "Loading…"}</p>`}
      </div>
    </div>
  </div>`;
}

const sizeOf = ({ width, height }) => ({ width: `${width}px`, height: `${height}px` });

const clamp = (scale) => Math.min(MOST, Math.max(LEAST, scale));

function useScan(id, number) {
  const [state, setState] = useState([null, ""]);
  useEffect(() => {
    let isGone = false;
    pageImage(id, number).then(
      (scan) => isGone || setState([scan, ""]),
      (error) => isGone || setState([null, error.message]),
    );
    return () => (isGone = true);
  }, [id, number]);
  return state;
}

// The room that a page has, in pixels; follows the window.
function useSpace(view) {
  const [space, setSpace] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const measure = () =>
      setSpace({ width: view.current.clientWidth, height: view.current.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(view.current);
    measure();
    return () => observer.disconnect();
  }, []);
  return space;
}

// How large the page is drawn, and the CSS transform that puts it there.
function placement(page, zoom, space) {
  const upright = isUpright.value ? page.upright : { ...page, matrix: IDENTITY };
  const wide = Math.max(1, space.width - 1) / upright.width;
  const whole = Math.min(wide, Math.max(1, space.height - 1) / upright.height);
  const scale = { width: wide, page: whole }[zoom] ?? zoom;
  return {
    scale,
    matrix: upright.matrix,
    width: Math.floor(upright.width * scale),
    height: Math.floor(upright.height * scale),
    transform: `scale(${scale}) ${cssMatrix(upright.matrix)}`,
  };
}

// Bring what is chosen into sight, in the middle, large enough to be read.
function useShownChoice(view, page, placed, setZoom) {
  const target = chosen.value?.page === page.number ? chosen.value : null;
  const wanted = useRef(null);
  useEffect(() => {
    if (!target || target.isInSight) return;
    wanted.current = target;
    if (placed.scale < READABLE) setZoom(READABLE);
  }, [target]);
  useLayoutEffect(() => {
    const mark = markOf(page, wanted.current?.key);
    if (!mark || !placed.width) return;
    wanted.current = null;
    const { x, y, width, height } = boxOf(mapped(placed.matrix, mark.quad));
    view.current.scrollTo({
      left: (x + width / 2) * placed.scale - view.current.clientWidth / 2,
      top: (y + height / 2) * placed.scale - view.current.clientHeight / 2,
    });
  });
}

export function markOf(page, key) {
  return Object.values(page.marks)
    .flat()
    .find((mark) => mark.key === key);
}
