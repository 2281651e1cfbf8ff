// Quads and homographies. A quad is eight numbers: x, y of its corners in reading direction.

export function quadOf(message) {
  if (!message) return null;
  const corners = [message.topLeft, message.topRight, message.bottomRight, message.bottomLeft];
  return corners.flatMap((corner) => [corner?.x ?? 0, corner?.y ?? 0]);
}

export function pointsOf(quad) {
  const pairs = [];
  for (let i = 0; i < 8; i += 2) pairs.push(`${quad[i].toFixed(1)},${quad[i + 1].toFixed(1)}`);
  return pairs.join(" ");
}

// The smallest upright rectangle around a quad: { x, y, width, height }.
export function boxOf(quad) {
  const xs = quad.filter((_, index) => index % 2 === 0);
  const ys = quad.filter((_, index) => index % 2 === 1);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

export const IDENTITY = [1, 0, 0, 0, 1, 0, 0, 0, 1];

// Where a 3 x 3 row-major homography takes a quad.
export function mapped(matrix, quad) {
  const [a, b, c, d, e, f, g, h, i] = matrix;
  const out = [];
  for (let k = 0; k < 8; k += 2) {
    const [x, y] = [quad[k], quad[k + 1]];
    const w = g * x + h * y + i;
    out.push((a * x + b * y + c) / w, (d * x + e * y + f) / w);
  }
  return out;
}

// The homography as CSS takes it: 4 x 4, column after column.
export function cssMatrix([a, b, c, d, e, f, g, h, i]) {
  return `matrix3d(${[a, d, 0, g, b, e, 0, h, 0, 0, 1, 0, c, f, 0, i].join(",")})`;
}
