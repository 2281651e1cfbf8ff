// Moving a page by dragging it, and zooming by Ctrl and wheel or two fingers.
import { useEffect } from "../lib.js";

const DRAG_FROM = 4;

export function usePanning(view, scale, setScale) {
  useEffect(() => {
    const element = view.current;
    const stop = new AbortController();
    const { signal } = stop;
    const zoomAt = (point, factor) => zoom(element, point, scale, factor, setScale);
    element.addEventListener("wheel", (event) => wheeled(event, zoomAt), {
      passive: false,
      signal,
    });
    element.addEventListener("pointerdown", (event) => grab(event, element), { signal });
    watchPinch(element, zoomAt, signal);
    return () => stop.abort();
  }, [scale]);
}

function wheeled(event, zoomAt) {
  if (!event.ctrlKey) return;
  event.preventDefault();
  zoomAt({ x: event.clientX, y: event.clientY }, Math.exp(-event.deltaY / 300));
}

// The place under the point stays under it.
function zoom(element, point, scale, factor, setScale) {
  const frame = element.getBoundingClientRect();
  const [x, y] = [point.x - frame.left, point.y - frame.top];
  const [left, top] = [element.scrollLeft, element.scrollTop];
  setScale(scale * factor);
  requestAnimationFrame(() =>
    element.scrollTo({ left: (left + x) * factor - x, top: (top + y) * factor - y }),
  );
}

// A mouse drags the page; fingers scroll by themselves.
function grab(event, element) {
  if (event.pointerType !== "mouse" || event.button !== 0) return;
  const from = { x: event.clientX, y: event.clientY };
  const [left, top] = [element.scrollLeft, element.scrollTop];
  const stop = new AbortController();
  const move = ({ clientX, clientY }) => {
    const [dx, dy] = [clientX - from.x, clientY - from.y];
    if (Math.hypot(dx, dy) > DRAG_FROM) element.classList.add("dragged");
    element.scrollTo({ left: left - dx, top: top - dy });
  };
  const end = () => {
    stop.abort();
    // The click that ends a drag chooses nothing: it comes before the next frame.
    requestAnimationFrame(() => element.classList.remove("dragged"));
  };
  addEventListener("pointermove", move, { signal: stop.signal });
  addEventListener("pointerup", end, { signal: stop.signal });
  addEventListener("pointercancel", end, { signal: stop.signal });
}

function watchPinch(element, zoomAt, signal) {
  let apart = 0;
  const measure = ([one, other]) =>
    Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
  const moved = (event) => {
    if (event.touches.length !== 2) return;
    event.preventDefault();
    const now = measure(event.touches);
    if (apart) zoomAt(middle(event.touches), now / apart);
    apart = now;
  };
  element.addEventListener("touchmove", moved, { passive: false, signal });
  element.addEventListener("touchend", () => (apart = 0), { signal });
}

const middle = ([one, other]) => ({
  x: (one.clientX + other.clientX) / 2,
  y: (one.clientY + other.clientY) / 2,
});
