/**
 * Points on a sphere that repel each other like charges (Thomson's problem), each together with its images under a finite
 * group of isometries: for rotations q and −q, or all images under the cube's rotations. Minimized from a given start by
 * gradient steps of Barzilai and Borwein (1988), so the result is deterministic.
 */

const ITERATIONS = 400;
const MEMORY = 12;

// Points are rows of four numbers, the last one 0 in three dimensions: loops over the components are written out.
function normalizePoints(points: Float64Array): void {
  for (let i = 0; i < points.length; i += 4) {
    const [x, y, z, w] = [points[i], points[i + 1], points[i + 2], points[i + 3]];
    const scale = 1 / Math.sqrt(x * x + y * y + z * z + w * w);
    points[i] = x * scale;
    points[i + 1] = y * scale;
    points[i + 2] = z * scale;
    points[i + 3] = w * scale;
  }
}

// The energy of all pairs of points and images, and its gradient along the sphere.
function energyOf(points: Float64Array, images: readonly Float64Array[], gradient: Float64Array): number {
  const size = points.length;
  const moved = new Float64Array(size);
  gradient.fill(0);
  let energy = 0;
  for (const image of images) {
    for (let j = 0; j < size; j += 4) {
      for (let r = 0; r < 4; r++) {
        let v = 0;
        for (let k = 0; k < 4; k++) v += image[r * 4 + k] * points[j + k];
        moved[j + r] = v;
      }
    }
    // Every pair is met twice, from both ends, and so is a point with its own image.
    for (let i = 0; i < size; i += 4) {
      const [x, y, z, w] = [points[i], points[i + 1], points[i + 2], points[i + 3]];
      let [gx, gy, gz, gw, sum] = [0, 0, 0, 0, 0];
      for (let j = 0; j < size; j += 4) {
        const dx = x - moved[j];
        const dy = y - moved[j + 1];
        const dz = z - moved[j + 2];
        const dw = w - moved[j + 3];
        const square = dx * dx + dy * dy + dz * dz + dw * dw;
        if (i === j && square < 1e-20) continue;
        const inverse = 1 / Math.sqrt(square);
        const scale = inverse * inverse * inverse;
        sum += inverse;
        gx += dx * scale;
        gy += dy * scale;
        gz += dz * scale;
        gw += dw * scale;
      }
      energy += sum / 2;
      gradient[i] -= gx;
      gradient[i + 1] -= gy;
      gradient[i + 2] -= gz;
      gradient[i + 3] -= gw;
    }
  }
  for (let i = 0; i < size; i += 4) {
    let radial = 0;
    for (let k = 0; k < 4; k++) radial += gradient[i + k] * points[i + k];
    for (let k = 0; k < 4; k++) gradient[i + k] -= radial * points[i + k];
  }
  return energy;
}

// Rows of d numbers as rows of four, and matrices [d, d] as [4, 4].
function pad(rows: Float64Array, d: number): Float64Array {
  const out = new Float64Array(rows.length / d * 4);
  for (let i = 0; i < rows.length; i++) out[Math.floor(i / d) * 4 + i % d] = rows[i];
  return out;
}

function padMatrix(matrix: Float64Array, d: number): Float64Array {
  const out = new Float64Array(16);
  for (let i = 0; i < d; i++) for (let k = 0; k < d; k++) out[i * 4 + k] = matrix[i * d + k];
  return out;
}

/**
 * Unit vectors [n, d], row-major, that minimize the sum of the inverse distances of all pairs among them and their images,
 * found downhill from `start` (which is not changed).
 *
 * @param start Unit vectors, row-major [n, d], d at most 4.
 * @param d The dimension.
 * @param images All isometries of the group with the identity, each row-major [d, d].
 */
export function repelPoints(start: Float64Array, d: number, images: readonly Float64Array[]): Float64Array {
  const found = minimize(pad(start, d), images.map((matrix) => padMatrix(matrix, d)));
  return start.map((_, i) => found[Math.floor(i / d) * 4 + i % d]);
}

function minimize(start: Float64Array, images: readonly Float64Array[]): Float64Array {
  let points = start;
  normalizePoints(points);
  let gradient = new Float64Array(points.length);
  const first = energyOf(points, images, gradient);
  const recent: number[] = [first];
  const goal = 1e-10 * Math.max(1, first);
  let step = 1 / Math.max(1, first);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    let norm = 0;
    for (const g of gradient) norm += g * g;
    if (Math.sqrt(norm) <= goal) break;
    const bound = Math.max(...recent);
    const next = new Float64Array(points.length);
    const nextGradient = new Float64Array(points.length);
    let energy = Infinity;
    for (let trial = 0; trial < 40 && energy === Infinity; trial++) {
      for (let i = 0; i < next.length; i++) next[i] = points[i] - step * gradient[i];
      normalizePoints(next);
      const value = energyOf(next, images, nextGradient);
      if (value <= bound - 1e-4 * step * norm) energy = value;
      else step /= 4;
    }
    if (energy === Infinity) break;
    let [ss, sy] = [0, 0];
    for (let i = 0; i < next.length; i++) {
      const s = next[i] - points[i];
      ss += s * s;
      sy += s * (nextGradient[i] - gradient[i]);
    }
    step = sy > 0 ? ss / sy : 4 * step;
    points = next;
    gradient = nextGradient;
    recent.push(energy);
    if (recent.length > MEMORY && Math.max(...recent) - energy <= 1e-7 * energy) break;
    if (recent.length > MEMORY) recent.shift();
  }
  return points;
}
