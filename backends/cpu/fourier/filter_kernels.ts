/**
 * The kernels that take filters to the frequency domain and their gradients back, four input channels in a vector. The
 * transform of a filter is conjugated, as a correlation needs it, and written as the real matrices that act on real and
 * imaginary parts: `[re, im; −im, re]` for each pair of planes, two separate ones where the pair is two real frequencies.
 */

import { assign, element, forEach } from "../gemm/element.ts";
import { type FunctionBuilder, type Local, ModuleBuilder } from "../wasm/assembler.ts";
import { loadTable, offsetBy } from "./emit.ts";
import { emitProgram } from "./program.ts";
import { complexForward, complexInverse, realForward, realInverse } from "./transform.ts";

/** The words of the kernels' table; strides in bytes. */
export const FILTER_TABLE = [
  /** Strides of the filter. */
  "outer",
  "channel",
  "vertical",
  "horizontal",
  /** Input channels, at least 4. */
  "channels",
  /** Bytes of a row of a matrix of a real frequency: 4 · input channels. */
  "rowBytes",
  /** Bytes of such a matrix: output channels rows. A complex frequency has four of them in one matrix. */
  "matrixBytes",
] as const;

/** The words in locals. */
type FilterTable = { readonly [word in (typeof FILTER_TABLE)[number]]: Local };

/** Loops over output channels and vectors of input channels; the last vector overlaps where they are no multiple of four. */
function forFilters(
  f: FunctionBuilder,
  t: FilterTable,
  begin: Local,
  end: Local,
  body: (output: Local, channel: Local) => void,
): void {
  const [output, channel, last] = f.locals("i32", 3);
  f.get(begin).set(output);
  forEach(f, output, end, 1, () => {
    assign(f, channel, 0);
    forEach(f, channel, t.channels, 4, () => {
      f.get(t.channels).i32(4).op("i32.sub").set(last);
      f.get(channel).get(last).get(channel).get(last).op("i32.lt_s").op("select").set(channel);
      body(output, channel);
    });
  });
}

/** Pushes `pointer`, at the first matrix of a complex frequency, on its way to a part (0 re re, 1 re im, 2 im re, 3 im im). */
function pushPart(f: FunctionBuilder, t: FilterTable, pointer: Local, part: number): FunctionBuilder {
  f.get(pointer);
  if (part % 2 === 1) f.get(t.rowBytes).op("i32.add");
  if (part >= 2) f.get(t.matrixBytes).i32(1).op("i32.shl").op("i32.add");
  return f;
}

/**
 * The module, with the export `filter(table, filter, target, scratch, begin, end)` for output channels `begin … end − 1`.
 *
 * @param n Points of a tile's transform along each axis.
 * @param taps Taps of the filter along each axis.
 */
export function buildFilterModule(n: number, taps: number, fused: boolean, shared: boolean): Uint8Array {
  const e = element("float32", fused);
  const module = new ModuleBuilder({ shared });
  const f = module.function(new Array<"i32">(6).fill("i32"), [], "filter");
  const [table, weight, target, scratch, begin, end] = f.params;
  const t = loadTable(f, table, FILTER_TABLE);
  const [at, row, to, from, index, limit, pointer, lane] = f.locals("i32", 8);
  const value = f.local("v128");
  const scale = f.constant(new Uint8Array(new Float32Array(4).fill(1 / (n * n)).buffer));
  const minus = f.constant(new Uint8Array(new Float32Array(4).fill(-1).buffer));
  const real = realForward(n, taps), complex = complexForward(n, taps);
  forFilters(f, t, begin, end, (output, channel) => {
    offsetBy(f, at, weight, output, t.outer);
    offsetBy(f, at, at, channel, t.channel);
    f.get(scratch).set(to);
    for (let y = 0; y < taps; y++) {
      f.get(at).set(row);
      for (let x = 0; x < taps; x++) {
        f.get(row).mem("v128.load32_zero").set(value);
        f.get(row).set(lane);
        for (let i = 1; i < 4; i++) {
          f.add(lane, t.channel).get(lane).get(value).memLane("v128.load32_lane", i).set(value);
        }
        f.get(to).get(value).get(scale).op("f32x4.mul").mem("v128.store", 16 * (y * taps + x));
        f.add(row, t.horizontal);
      }
      f.add(at, t.vertical);
    }
    // Vertical: [tap row][tap column] to [frequency][tap column].
    const values = f.locals("v128", taps);
    f.get(scratch).set(from);
    assign(f, limit, taps);
    assign(f, index, 0);
    forEach(f, index, limit, 1, () => {
      values.forEach((v, i) => f.get(from).mem("v128.load", 16 * taps * i).set(v));
      emitProgram(f, e, values, real.outputs, (i, v) => {
        f.get(from).get(v).mem("v128.store", 16 * (taps * taps + taps * i));
      });
      f.add(from, 16);
    });
    f.release(...values);
    // Horizontal, the two real lines.
    f.get(scratch).i32(16 * taps * taps).op("i32.add").set(from);
    offsetBy(f, to, target, output, t.rowBytes);
    f.get(channel).i32(2).op("i32.shl").get(to).op("i32.add").set(to);
    f.get(to).set(pointer);
    assign(f, limit, 2);
    assign(f, index, 0);
    const complexBytes = f.local("i32");
    f.get(t.matrixBytes).i32(2).op("i32.shl").set(complexBytes);
    const part = (which: number) => pushPart(f, t, pointer, which);
    /** Stores a complex frequency, whose real part is in `re`. The pointer is at the row of a matrix with rows of double length. */
    const storeComplex = (re: Local, im: Local) => {
      part(0);
      f.get(re).mem("v128.store");
      part(1);
      f.get(im).mem("v128.store");
      part(2);
      f.get(im).get(minus).op("f32x4.mul").mem("v128.store");
      part(3);
      f.get(re).mem("v128.store");
    };
    const re = f.local("v128");
    const rowOffset = f.local("i32");
    // Rows of complex matrices are twice as long.
    f.get(output).get(t.rowBytes).op("i32.mul").set(rowOffset);
    forEach(f, index, limit, 1, () => {
      const line = f.locals("v128", taps);
      line.forEach((v, i) => f.get(from).mem("v128.load", 16 * i).set(v));
      emitProgram(f, e, line, real.outputs, (i, v) => {
        if (i < 2) {
          f.get(pointer);
          if (i === 1) f.get(t.matrixBytes).op("i32.add");
          f.get(v).mem("v128.store");
          if (i === 1) f.add(pointer, complexBytes).add(pointer, rowOffset);
        } else if (i % 2 === 0) {
          f.get(v).set(re);
        } else {
          storeComplex(re, v);
          f.add(pointer, complexBytes);
        }
      });
      f.release(...line);
      f.add(from, 16 * taps);
      f.get(pointer).get(rowOffset).op("i32.sub").set(pointer);
    });
    // The complex lines.
    f.add(pointer, rowOffset);
    assign(f, limit, n / 2);
    assign(f, index, 1);
    forEach(f, index, limit, 1, () => {
      const line = f.locals("v128", 2 * taps);
      line.forEach((v, i) => {
        f.get(from).mem("v128.load", 16 * ((i % 2) * taps + Math.floor(i / 2))).set(v);
      });
      emitProgram(f, e, line, complex.outputs, (i, v) => {
        if (i % 2 === 0) {
          f.get(v).set(re);
        } else {
          storeComplex(re, v);
          f.add(pointer, complexBytes);
        }
      });
      f.release(...line);
      f.add(from, 32 * taps);
    });
    f.release(complexBytes, rowOffset, re);
  });
  return module.toBytes();
}

/**
 * The module, with the export `filterGradient(table, filter, source, scratch, begin, end)` for output channels
 * `begin … end − 1`: from products `[re re, re im; im re, im im]` of output gradient and input.
 */
export function buildFilterGradientModule(n: number, taps: number, fused: boolean, shared: boolean): Uint8Array {
  const e = element("float32", fused);
  const module = new ModuleBuilder({ shared });
  const f = module.function(new Array<"i32">(6).fill("i32"), [], "filterGradient");
  const [table, weight, source, scratch, begin, end] = f.params;
  const t = loadTable(f, table, FILTER_TABLE);
  const [at, row, to, from, index, limit, pointer, lane] = f.locals("i32", 8);
  const scale = f.constant(new Uint8Array(new Float32Array(4).fill(1 / (n * n)).buffer));
  const real = realInverse(n, taps), complex = complexInverse(n, taps);
  forFilters(f, t, begin, end, (output, channel) => {
    const [complexBytes, rowOffset] = f.locals("i32", 2);
    f.get(t.matrixBytes).i32(2).op("i32.shl").set(complexBytes);
    f.get(output).get(t.rowBytes).op("i32.mul").set(rowOffset);
    f.get(source).get(rowOffset).op("i32.add").get(channel).i32(2).op("i32.shl").op("i32.add").set(pointer);
    const part = (which: number) => pushPart(f, t, pointer, which).mem("v128.load");
    /** Loads a complex frequency: re re + im im, re im − im re. */
    const loadComplex = (re: Local, im: Local) => {
      part(0);
      part(3);
      f.op("f32x4.add").set(re);
      part(1);
      part(2);
      f.op("f32x4.sub").set(im);
      f.add(pointer, complexBytes);
    };
    f.get(scratch).set(to);
    assign(f, limit, 2);
    assign(f, index, 0);
    forEach(f, index, limit, 1, () => {
      const line = f.locals("v128", n);
      f.get(pointer).mem("v128.load").set(line[0]);
      f.get(pointer).get(t.matrixBytes).op("i32.add").mem("v128.load").set(line[1]);
      f.add(pointer, complexBytes).add(pointer, rowOffset);
      for (let i = 2; i < n; i += 2) loadComplex(line[i], line[i + 1]);
      emitProgram(f, e, line, real.outputs, (i, v) => f.get(to).get(v).mem("v128.store", 16 * i));
      f.release(...line);
      f.add(to, 16 * taps);
      f.get(pointer).get(rowOffset).op("i32.sub").set(pointer);
    });
    f.add(pointer, rowOffset);
    assign(f, limit, n / 2);
    assign(f, index, 1);
    forEach(f, index, limit, 1, () => {
      const line = f.locals("v128", 2 * n);
      for (let i = 0; i < 2 * n; i += 2) loadComplex(line[i], line[i + 1]);
      emitProgram(f, e, line, complex.outputs, (i, v) => {
        f.get(to).get(v).mem("v128.store", 16 * ((i % 2) * taps + Math.floor(i / 2)));
      });
      f.release(...line);
      f.add(to, 32 * taps);
    });
    offsetBy(f, at, weight, output, t.outer);
    offsetBy(f, at, at, channel, t.channel);
    f.get(scratch).set(from);
    assign(f, limit, taps);
    assign(f, index, 0);
    forEach(f, index, limit, 1, () => {
      const line = f.locals("v128", n);
      line.forEach((v, i) => f.get(from).mem("v128.load", 16 * taps * i).set(v));
      f.get(at).set(row);
      const scaled = f.local("v128");
      emitProgram(f, e, line, real.outputs, (_, v) => {
        f.get(v).get(scale).op("f32x4.mul").set(scaled);
        f.get(row).set(lane);
        for (let i = 0; i < 4; i++) {
          f.get(lane).get(scaled).memLane("v128.store32_lane", i).add(lane, t.channel);
        }
        f.add(row, t.vertical);
      });
      f.release(...line, scaled);
      f.add(from, 16).add(at, t.horizontal);
    });
    f.release(complexBytes, rowOffset);
  });
  return module.toBytes();
}
