/**
 * The demo's pictures: training curves and accuracy by angle as SVG (echarts), and the feature maps of a turning digit as one SVG that
 * holds a small PNG (fast-png) for each.
 */

import * as echarts from "echarts";
import { encode } from "fast-png";

/** A line of a chart. */
export interface Series {
  /** Name in the legend. */
  readonly name: string;
  /** Points `[x, y]`. */
  readonly points: readonly (readonly [number, number])[];
}

/** What a chart shows. */
export interface ChartOptions {
  /** Heading. */
  readonly title: string;
  /** Name of the horizontal axis. */
  readonly x: string;
  /** Name of the vertical axis. */
  readonly y: string;
  /** Range of the vertical axis. Default: that of the data. */
  readonly range?: readonly [number, number];
  /** Distance between labels of the horizontal axis. Default: chosen. */
  readonly interval?: number;
}

/** A line chart as SVG text. */
export function lineChart(series: readonly Series[], options: ChartOptions): string {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: 720, height: 420 });
  const xs = series.flatMap(({ points }) => points.map(([x]) => x));
  chart.setOption({
    animation: false,
    backgroundColor: "#fff",
    title: { text: options.title, left: "center" },
    legend: { bottom: 0, itemGap: 60 },
    grid: { left: 60, right: 30, top: 50, bottom: 75 },
    xAxis: {
      type: "value",
      name: options.x,
      nameLocation: "middle",
      nameGap: 28,
      min: Math.min(...xs),
      max: Math.max(...xs),
      ...(options.interval === undefined ? {} : { interval: options.interval }),
    },
    yAxis: {
      type: "value",
      name: options.y,
      ...(options.range === undefined ? {} : { min: options.range[0], max: options.range[1] }),
    },
    series: series.map(({ name, points }) => ({ name, type: "line", showSymbol: points.length < 40, data: points })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

/** Averages of `width` neighbours, so that a noisy curve can be read. */
export function smoothed(values: readonly number[], width: number): [number, number][] {
  return values.map((_, i) => {
    const window = values.slice(Math.max(0, i - width + 1), i + 1);
    return [i + 1, window.reduce((a, b) => a + b, 0) / window.length];
  });
}

/** One picture of grey values. */
export interface Picture {
  /** Rows and columns. */
  readonly size: number;
  /** Values, row-major. */
  readonly values: ArrayLike<number>;
}

/** Rows of pictures, each with a name. */
export interface PictureRow {
  /** What stands before the row. */
  readonly name: string;
  /** One for each column. */
  readonly pictures: readonly Picture[];
}

/** A picture as PNG; black is `low`, white is `high`. */
function png(picture: Picture, low: number, high: number): Uint8Array {
  const data = Uint8Array.from(
    { length: picture.size * picture.size },
    (_, i) => Math.round(255 * Math.min(1, Math.max(0, (picture.values[i] - low) / (high - low || 1)))),
  );
  return encode({ width: picture.size, height: picture.size, data, channels: 1, depth: 8 });
}

/** A table of pictures as SVG text; all pictures of a row share one scale, so that they can be compared. */
export function pictureTable(title: string, columns: readonly string[], rows: readonly PictureRow[]): string {
  const [left, top, cell, gap] = [210, 64, 84, 6];
  const width = left + columns.length * (cell + gap) + 10;
  const height = top + rows.length * (cell + gap) + 10;
  const text = (x: number, y: number, value: string, anchor: string, size = 13): string =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}" font-family="sans-serif" font-size="${size}">${value}</text>`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(width / 2, 24, title, "middle", 17),
    ...columns.map((name, i) => text(left + i * (cell + gap) + cell / 2, top - 10, name, "middle")),
  ];
  rows.forEach((row, r) => {
    const y = top + r * (cell + gap);
    const values = row.pictures.flatMap((picture) => Array.from(picture.values));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    parts.push(text(left - 12, y + cell / 2 + 4, row.name, "end"));
    row.pictures.forEach((picture, i) => {
      const data = btoa(String.fromCharCode(...png(picture, low, high)));
      const place = `x="${left + i * (cell + gap)}" y="${y}" width="${cell}" height="${cell}"`;
      parts.push(`<image ${place} style="image-rendering:pixelated" href="data:image/png;base64,${data}"/>`);
    });
  });
  return `${parts.join("\n")}\n</svg>\n`;
}
