// The piece of the scan that a value was read from.
import { html, useEffect, useRef } from "../lib.js";
import { pageImage } from "../state/images.js";
import { pages } from "../state/document.js";
import { route } from "../state/route.js";

// Drawn at twice its size in CSS pixels, for screens of high density.
const [WIDTH, HEIGHT] = [640, 80];
const MARGIN = 0.15;
const MOST_MAGNIFIED = 2.5;

export function Crop({ field }) {
  const canvas = useRef(null);
  const { id } = route.value;
  useEffect(() => {
    let isGone = false;
    pageImage(id, field.page)
      .then(({ bitmap }) => isGone || draw(canvas.current, bitmap, field))
      .catch(() => {});
    return () => (isGone = true);
  }, [id, field]);
  return html`<canvas class="crop" ref=${canvas} width="1" height="1" aria-hidden="true"></canvas>`;
}

function draw(canvas, bitmap, { page: number, quad }) {
  const page = pages.value.get(number);
  const [turn, across, down] = frameOf(quad);
  const margin = down * MARGIN;
  const zoom = Math.min(
    MOST_MAGNIFIED,
    HEIGHT / (down + 2 * margin),
    WIDTH / (across + 2 * margin),
  );
  canvas.width = Math.max(1, Math.round((across + 2 * margin) * zoom));
  canvas.height = Math.max(1, Math.round((down + 2 * margin) * zoom));
  const pen = canvas.getContext("2d");
  pen.scale(zoom, zoom);
  pen.translate(margin, margin);
  pen.rotate(-turn);
  pen.translate(-quad[0], -quad[1]);
  pen.drawImage(bitmap, 0, 0, page.width, page.height);
}

// How a quad is turned, in radians, and its width and height in its own reading direction.
function frameOf([x0, y0, x1, y1, x2, y2, x3, y3]) {
  const across = (Math.hypot(x1 - x0, y1 - y0) + Math.hypot(x2 - x3, y2 - y3)) / 2;
  const down = (Math.hypot(x3 - x0, y3 - y0) + Math.hypot(x2 - x1, y2 - y1)) / 2;
  return [Math.atan2(y1 - y0, x1 - x0), Math.max(1, across), Math.max(1, down)];
}
