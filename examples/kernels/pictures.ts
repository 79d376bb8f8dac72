/**
 * The pictures of the kernel gallery: elements of kernel bases as SVG tables of small PNGs (fast-png), blue negative, white
 * zero, red positive. Kernels of the plane are images, kernels of space rows of slices.
 */

import { encode } from "fast-png";
import { type gspaces, type IrrepId, kernels } from "@escnn/escnn";

/** A scalar function on a square of pixels, row-major from the top left. */
export interface Patch {
  /** Rows and columns. */
  readonly size: number;
  /** The values. */
  readonly values: Float64Array;
}

/** A row of patches that share one scale. */
export interface PatchRow {
  /** What stands before the row. */
  readonly name: string;
  /** The patches. */
  readonly patches: readonly Patch[];
}

/** A number in [−1, 1] as red, green and blue: from blue over white to red. */
export function diverging(value: number): readonly [number, number, number] {
  const v = Math.max(-1, Math.min(1, value));
  const fade = Math.round(255 * (1 - Math.abs(v)));
  return v < 0 ? [fade, Math.round(255 + 135 * v), 255] : [255, Math.round(255 - 165 * v), fade];
}

/** A patch as PNG; `scale` is the value that is fully red. */
export function patchPng({ size, values }: Patch, scale: number): Uint8Array {
  const data = new Uint8Array(3 * size * size);
  values.forEach((v, i) => data.set(diverging(scale > 0 ? v / scale : 0), 3 * i));
  return encode({ width: size, height: size, data, channels: 3, depth: 8 });
}

/** Rows of patches as SVG text. */
export function patchTable(title: string, rows: readonly PatchRow[]): string {
  const [left, top, cell, gap] = [230, 50, 72, 6];
  const columns = rows.reduce((n, row) => Math.max(n, row.patches.length), 0);
  const [width, height] = [left + columns * (cell + gap) + 10, top + rows.length * (cell + gap) + 10];
  const text = (x: number, y: number, value: string, anchor: string, size: number): string =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}" font-family="sans-serif" font-size="${size}">${value}</text>`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(width / 2, 28, title, "middle", 17),
  ];
  rows.forEach(({ name, patches }, r) => {
    const y = top + r * (cell + gap);
    const scale = patches.flatMap((p) => [...p.values]).reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    parts.push(text(left - 12, y + cell / 2 + 4, name, "end", 12));
    patches.forEach((patch, i) => {
      const data = btoa(String.fromCharCode(...patchPng(patch, scale)));
      const place = `x="${left + i * (cell + gap)}" y="${y}" width="${cell}" height="${cell}"`;
      parts.push(`<image ${place} href="data:image/png;base64,${data}"/>`);
    });
  });
  return `${parts.join("\n")}\n</svg>\n`;
}

/** Points of a square in the plane, or of slices through space, rows from the top: [slices · size², dimension]. */
export function squarePoints(size: number, extent: number, slices: readonly number[] | undefined): Float64Array {
  const points: number[] = [];
  for (const z of slices ?? [0]) {
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        const x = extent * (2 * column / (size - 1) - 1);
        const y = extent * (1 - 2 * row / (size - 1));
        points.push(x, y);
        if (slices !== undefined) points.push(z);
      }
    }
  }
  return Float64Array.from(points);
}

/** The kernels of a pair of irreps to draw. */
export interface PairToDraw {
  /** The irrep of the input. */
  readonly from: IrrepId;
  /** The irrep of the output. */
  readonly to: IrrepId;
}

/**
 * A row for each element of the bases of pairs of irreps in the plane: its entries [out, in], row-major.
 *
 * @param space A space of dimension 2.
 * @param pairs Which kernels.
 * @param size Pixels along each side.
 */
export function planarKernels(space: gspaces.EuclideanSpace, pairs: readonly PairToDraw[], size = 36): PatchRow[] {
  const extent = 3;
  const basis = space.filterBasis([{ radius: 1.6, sigma: 0.6 }], 4);
  const tables = new kernels.KernelTables(basis, squarePoints(size, extent, undefined));
  return pairs.flatMap(({ from, to }) => elementRows(tables, from, to, size, 1));
}

/** The slices z = const on which kernels of space are drawn. */
export const SLICES: readonly number[] = [-2, -1.2, -0.4, 0.4, 1.2, 2];

/** A row for each element and each entry of kernels in space, with its slices from below to above. */
export function spatialKernels(space: gspaces.EuclideanSpace, pairs: readonly PairToDraw[], size = 28): PatchRow[] {
  const basis = space.filterBasis([{ radius: 1.6, sigma: 0.6 }], 4);
  const tables = new kernels.KernelTables(basis, squarePoints(size, 3, SLICES));
  return pairs.flatMap(({ from, to }) => elementRows(tables, from, to, size, SLICES.length));
}

/** The stencils of differential operators of the plane, a row for each element of pairs of irreps. */
export function stencils(space: gspaces.GSpace, pairs: readonly PairToDraw[], kernelSize: number): PatchRow[] {
  const tables = space.diffopTables({ maximumOrder: 3, discretization: "gaussian", kernelSize });
  return pairs.flatMap(({ from, to }) => elementRows(tables, from, to, kernelSize, 1));
}

/** Kernels on the orbits of a group of space, as slices. */
export function orbitKernels(
  space: gspaces.GSpace3D,
  stabilizer: readonly [boolean, number],
  pairs: readonly PairToDraw[],
  size = 28,
): PatchRow[] {
  const basis = new kernels.OrbitShells({
    group: space.fibergroup,
    action: (g) => space.baseSpaceAction(g),
    stabilizer,
    rings: [{ radius: 1.8, sigma: 0.6 }],
  });
  const tables = new kernels.KernelTables(basis, squarePoints(size, 3, SLICES));
  return pairs.flatMap(({ from, to }) => elementRows(tables, from, to, size, SLICES.length));
}

// With one slice a row holds all entries of an element, with several a row for each entry.
function elementRows(
  tables: kernels.KernelTables,
  from: IrrepId,
  to: IrrepId,
  size: number,
  slices: number,
): PatchRow[] {
  const table = tables.pair(from, to);
  const sampled = table.sampled();
  const entries = table.outSize * table.inSize;
  const [area, rows] = [size * size, [] as PatchRow[]];
  table.paths.forEach(({ frequency, order }, path) => {
    const name = `${JSON.stringify(from)} → ${JSON.stringify(to)}, frequency ${frequency}${
      order === undefined ? "" : `, order ${order}`
    }`;
    const patch = (entry: number, slice: number): Patch => {
      const start = ((path * entries + entry) * slices + slice) * area;
      return { size, values: sampled.slice(start, start + area) };
    };
    if (slices === 1) {
      rows.push({ name, patches: Array.from({ length: entries }, (_, entry) => patch(entry, 0)) });
      return;
    }
    for (let entry = 0; entry < entries; entry++) {
      rows.push({
        name: entry === 0 ? name : `component ${entry + 1}`,
        patches: Array.from({ length: slices }, (_, slice) => patch(entry, slice)),
      });
    }
  });
  return rows;
}
