/**
 * The pictures of the group gallery: Cayley tables and irreps as PNG (fast-png), character tables and grids on the sphere as
 * SVG (echarts). Every function maps a group to the bytes or the text of a file.
 */

import * as echarts from "echarts";
import { encode } from "fast-png";
import { type Group, type GroupElement, HomogeneousSpace, type SubgroupId } from "@escnn/escnn";

type Color = readonly [number, number, number];

/** A hue in [0, 1) with a lightness in [0, 1] as red, green and blue from 0 to 255. */
export function hue(h: number, lightness = 0.55): Color {
  const channel = (offset: number): number => {
    const k = (offset + 12 * h) % 12;
    const chroma = 0.75 * Math.min(lightness, 1 - lightness);
    return Math.round(255 * (lightness - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

/** A number in [−1, 1] from blue over white to red. */
export function diverging(value: number): Color {
  const v = Math.max(-1, Math.min(1, value));
  const fade = Math.round(255 * (1 - Math.abs(v)));
  return v < 0 ? [fade, Math.round(255 - 135 * -v), 255] : [255, Math.round(255 - 165 * v), fade];
}

function png(width: number, height: number, color: (x: number, y: number) => Color): Uint8Array {
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set(color(x, y), 3 * (y * width + x));
  }
  return encode({ width, height, data, channels: 3, depth: 8 });
}

/** All elements of a group, ordered by the cosets of a subgroup, the subgroup itself first. */
export function elementsByCoset(group: Group, subgroup: SubgroupId): readonly GroupElement[] {
  const space = new HomogeneousSpace(group, subgroup);
  const { subgroup: inner, inclusion } = space.subgroup;
  const others = space.representatives.filter((r) => !space.sameCoset(r, group.identity));
  return [group.identity, ...others].flatMap((r) => inner.elements.map((h) => r.multiply(inclusion(h))));
}

/**
 * A Cayley table as PNG: rows a, columns b, the color says which element a · b is. Elements are ordered by the left cosets
 * of a subgroup, whose own table is the first block.
 */
export function cayleyTable(group: Group, subgroup: SubgroupId): Uint8Array {
  const elements = elementsByCoset(group, subgroup);
  const place = new Map(elements.map((g, i) => [group.indexOf(g), i]));
  const n = elements.length;
  const products = elements.map((a) => elements.map((b) => place.get(group.indexOf(a.multiply(b))) ?? 0));
  const width = group.subgroup(subgroup).subgroup.order;
  const cell = Math.max(4, Math.floor(600 / n));
  return png(n * cell, n * cell, (x, y) => {
    const p = products[Math.floor(y / cell)][Math.floor(x / cell)];
    // A hue for each coset, lighter from its first element to its last.
    return hue(Math.floor(p / width) / (n / width), 0.35 + 0.4 * (p % width) / width);
  });
}

/** All matrices of all irreps as PNG: a row for each irrep, a column for each element, blue negative, red positive. */
export function irrepMatrices(group: Group, count = 24): Uint8Array {
  const elements = group.elements.slice(0, count);
  const irreps = group.irreps();
  const [dot, gap] = [6, 6];
  const largest = Math.max(...irreps.map((psi) => psi.size)) * dot;
  const tops: number[] = [];
  let height = gap;
  for (const psi of irreps) {
    tops.push(height);
    height += psi.size * dot + gap;
  }
  const rows = irreps.map((psi) => elements.map((g) => psi.matrix(g)));
  return png(gap + elements.length * (largest + gap), height, (x, y) => {
    const column = Math.floor((x - gap) / (largest + gap));
    const row = tops.findLastIndex((top) => y >= top);
    if (x < gap || row < 0) return [255, 255, 255];
    const size = irreps[row].size;
    const i = Math.floor((y - tops[row]) / dot);
    const j = Math.floor((x - gap - column * (largest + gap)) / dot);
    return i < size && j < size ? diverging(rows[row][column][i * size + j]) : [255, 255, 255];
  });
}

/** Conjugacy classes of a finite group by the order of their elements, then by their first element. */
export function conjugacyClasses(group: Group): readonly (readonly GroupElement[])[] {
  const seen = new Set<number>();
  const classes: GroupElement[][] = [];
  for (const g of group.elements) {
    if (seen.has(group.indexOf(g))) continue;
    const members = new Map(group.elements.map((h) => {
      const moved = h.multiply(g).multiply(h.inverse());
      return [group.indexOf(moved), moved];
    }));
    for (const index of members.keys()) seen.add(index);
    classes.push([...members.values()]);
  }
  return classes.sort(([a], [b]) => elementOrder(a) - elementOrder(b));
}

/** The order of an element: how often it must be taken to come back to the identity. */
export function elementOrder(g: GroupElement): number {
  let [power, n] = [g, 1];
  while (!power.isIdentity()) {
    power = power.multiply(g);
    n += 1;
  }
  return n;
}

function render(width: number, height: number, option: echarts.EChartsCoreOption): string {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption({ animation: false, backgroundColor: "#fff", ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

/** The character table as SVG: rows irreps with dimension and type, columns classes with their size and their order. */
export function characterTable(group: Group): string {
  const classes = conjugacyClasses(group);
  const irreps = group.irreps();
  const data = irreps.flatMap((psi, r) =>
    classes.map(([g], c) => [c, irreps.length - 1 - r, Number(psi.character(g).toFixed(4)) + 0])
  );
  const extreme = Math.max(...data.map(([, , v]) => Math.abs(v)));
  return render(180 + 84 * classes.length, 130 + 46 * irreps.length, {
    title: { text: `Characters of ${group.name}`, left: "center" },
    grid: { left: 150, right: 20, top: 80, bottom: 20 },
    xAxis: {
      type: "category",
      position: "top",
      data: classes.map((c) => `${c.length} × order ${elementOrder(c[0])}`),
      axisLabel: { interval: 0, fontSize: 10 },
    },
    yAxis: {
      type: "category",
      data: irreps.map((psi) => `${JSON.stringify(psi.id)}  ${psi.size}${psi.type}`).reverse(),
    },
    visualMap: {
      show: false,
      min: -extreme,
      max: extreme,
      inRange: { color: ["#6fa8ff", "#ffffff", "#ff9a6f"] },
    },
    series: [{ type: "heatmap", data, label: { show: true }, itemStyle: { borderColor: "#ddd", borderWidth: 1 } }],
  });
}

// Mollweide's projection, which keeps areas, of a point of the sphere to the ellipse of axes 2 and 1.
function mollweide([x, y, z]: readonly number[]): readonly [number, number] {
  const [latitude, longitude] = [Math.asin(Math.max(-1, Math.min(1, z))), Math.atan2(y, x)];
  let theta = latitude;
  for (let i = 0; i < 50 && Math.abs(theta) < Math.PI / 2 - 1e-9; i++) {
    const step = (2 * theta + Math.sin(2 * theta) - Math.PI * Math.sin(latitude)) / (2 + 2 * Math.cos(2 * theta));
    theta -= step;
    if (Math.abs(step) < 1e-12) break;
  }
  return [2 * longitude / Math.PI * Math.cos(theta), Math.sin(theta)];
}

/**
 * Rotations as SVG: each stands where it moves the z axis, on a map of the sphere that keeps areas, and its color says by
 * which angle it turns about there.
 */
export function rotationGrid(title: string, rotations: readonly GroupElement[]): string {
  const points = rotations.map((g) => {
    const m = g.to("MAT") as readonly (readonly number[])[];
    const [, , third] = g.to("ZYZ") as readonly number[];
    return { value: mollweide([m[0][2], m[1][2], m[2][2]]), turn: ((third / (2 * Math.PI)) % 1 + 1) % 1 };
  });
  const outline = Array.from({ length: 181 }, (_, i) => [2 * Math.cos(i * Math.PI / 90), Math.sin(i * Math.PI / 90)]);
  const axis = (extent: number) => ({ type: "value", min: -extent, max: extent, show: false });
  return render(760, 430, {
    title: { text: `${title}: ${rotations.length} rotations`, left: "center" },
    grid: { left: 20, right: 20, top: 45, bottom: 15 },
    xAxis: axis(2.05),
    yAxis: axis(1.05),
    series: [
      { type: "line", data: outline, showSymbol: false, lineStyle: { color: "#999", width: 1 }, silent: true },
      {
        type: "scatter",
        symbolSize: Math.max(3, Math.min(9, 120 / Math.sqrt(rotations.length))),
        data: points.map(({ value, turn }) => ({ value, itemStyle: { color: `rgb(${hue(turn).join(",")})` } })),
      },
    ],
  });
}
