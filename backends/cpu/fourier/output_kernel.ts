/**
 * The kernel that brings tiles back from the frequency domain, four neighbouring tiles in a vector: horizontal transforms of
 * the planes, vertical ones of their results, only the pixels that a tile contributes; then rows of pixels into the image.
 */

import { assign, element, forAddresses, forEach } from "../gemm/element.ts";
import { ModuleBuilder } from "../wasm/assembler.ts";
import { copyRow, loadTable, offsetBy, storeTransposed } from "./emit.ts";
import { emitProgram } from "./program.ts";
import { complexInverse, realInverse } from "./transform.ts";

/** The words of the kernel's table; strides in bytes. */
export const OUTPUT_TABLE = [
  "channels",
  "channelStride",
  "samples",
  "sampleStride",
  /** Rows of tiles, tiles in a row. */
  "tileRows",
  "tileColumns",
  /** Rows of the image from the first tile's first on, and columns. */
  "height",
  "width",
  "rowStride",
  /** Bytes of a row of pixels of all tiles: four times a multiple of 4 · step. */
  "lineBytes",
  /** From a channel to the next in a plane, from a real to its imaginary plane, from a pair to the next. */
  "channelBytes",
  "imaginaryBytes",
  "pairBytes",
] as const;

/**
 * The module, with the export `output(table, source, target, scratch)`: reads planes `[pair][re, im][channel][tile]` and writes
 * images; up to three elements behind a channel's tiles are read.
 *
 * @param n Points of a tile's transform along each axis.
 * @param step Pixels that a tile contributes along each axis.
 */
export function buildOutputModule(n: number, step: number, fused: boolean, shared: boolean): Uint8Array {
  const e = element("float32", fused);
  const module = new ModuleBuilder({ shared });
  const f = module.function(["i32", "i32", "i32", "i32"], [], "output");
  const [table, source, target, scratch] = f.params;
  const t = loadTable(f, table, OUTPUT_TABLE);
  const [channel, sample, tileRow, tile, end, pixels, lines, line, atSample, atRow] = f.locals("i32", 10);
  const [index, limit, from, to, pointer, half, left, columns] = f.locals("i32", 8);
  const real = realInverse(n, step), complex = complexInverse(n, step);
  f.get(scratch).i32(16 * n * step).op("i32.add").set(pixels);
  f.get(pixels).i32(16 * step * step).op("i32.add").set(lines);
  f.get(t.tileColumns).i32(2).op("i32.shl").set(columns);

  /** Horizontal transforms of the planes at `from` to the rows of scratch at `to`. */
  const horizontal = (program: typeof real, parts: 1 | 2) => {
    const values = f.locals("v128", program.inputs);
    f.get(from).set(pointer);
    values.forEach((value, i) => {
      f.get(pointer);
      if (i % 2 === 1) f.get(t.imaginaryBytes).op("i32.add");
      f.mem("v128.load").set(value);
      if (i % 2 === 1) f.add(pointer, t.pairBytes);
    });
    emitProgram(f, e, values, program.outputs, (i, value) => {
      const row = i % parts, column = Math.floor(i / parts);
      f.get(to).get(value).mem("v128.store", 16 * (row * step + column));
    });
    f.release(...values);
  };

  assign(f, channel, 0);
  forEach(f, channel, t.channels, 1, () => {
    f.get(source).set(tile);
    f.get(target).set(atSample);
    assign(f, sample, 0);
    forEach(f, sample, t.samples, 1, () => {
      f.get(atSample).set(atRow);
      f.get(t.height).set(left);
      assign(f, tileRow, 0);
      forEach(f, tileRow, t.tileRows, 1, () => {
        const next = f.local("i32");
        f.get(tile).get(columns).op("i32.add").tee(next).set(end);
        f.get(lines).set(line);
        forAddresses(f, tile, end, 16, () => {
          f.get(scratch).set(to);
          f.get(tile).set(from);
          assign(f, limit, 2);
          assign(f, index, 0);
          forEach(f, index, limit, 1, () => {
            horizontal(real, 1);
            f.add(to, 16 * step);
            f.get(t.pairBytes).i32(n / 2).op("i32.mul").set(half);
            f.add(from, half);
          });
          assign(f, limit, n / 2);
          assign(f, index, 1);
          forEach(f, index, limit, 1, () => {
            horizontal(complex, 2);
            f.add(to, 32 * step);
            offsetBy(f, from, from, t.pairBytes, n);
          });
          const values = f.locals("v128", n);
          assign(f, limit, step);
          assign(f, index, 0);
          f.get(scratch).set(from);
          f.get(pixels).set(to);
          forEach(f, index, limit, 1, () => {
            values.forEach((value, i) => f.get(from).mem("v128.load", 16 * step * i).set(value));
            emitProgram(f, e, values, real.outputs, (row, value) => {
              f.get(to).get(value).mem("v128.store", 16 * step * row);
            });
            f.add(from, 16).add(to, 16);
          });
          f.release(...values);
          // From [row][column][tile] to rows of neighbouring pixels.
          f.get(line).set(to);
          const columnsAtOnce = f.locals("v128", 4);
          for (let row = 0; row < step; row++) {
            for (let first = 0; first < step; first += 4) {
              const some = columnsAtOnce.slice(0, Math.min(4, step - first));
              some.forEach((v, i) => f.get(pixels).mem("v128.load", 16 * (row * step + first + i)).set(v));
              storeTransposed(f, some, to, 4 * step, 4 * first);
            }
            f.add(to, t.lineBytes);
          }
          f.release(...columnsAtOnce);
          f.add(line, 16 * step);
        });
        f.get(next).set(tile);
        f.release(next);
        f.get(left).i32(step).get(left).i32(step).op("i32.lt_s").op("select").set(limit);
        f.get(lines).set(from);
        assign(f, index, 0);
        forEach(f, index, limit, 1, () => {
          copyRow(f, from, atRow, t.width);
          f.add(from, t.lineBytes).add(atRow, t.rowStride);
        });
        f.add(left, -step);
      });
      f.add(atSample, t.sampleStride);
    });
    f.add(source, t.channelBytes).add(target, t.channelStride);
  });
  return module.toBytes();
}
