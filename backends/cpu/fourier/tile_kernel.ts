/**
 * The kernel that takes tiles of an image to the frequency domain, four neighbouring tiles in a vector. A channel's rows are
 * copied with their zero edges and dealt out into `step` phases, so that the same pixel of four tiles lies in one vector; the
 * vertical transforms are made once for all tiles of a row, whose columns overlap, then the horizontal ones.
 */

import { assign, type Element, element, forAddresses, forEach } from "../gemm/element.ts";
import { type FunctionBuilder, type Local, ModuleBuilder } from "../wasm/assembler.ts";
import { copyRow, fillZeros, loadTable, offsetBy, transpose } from "./emit.ts";
import { emitProgram } from "./program.ts";
import { longPhases } from "./tile_sizes.ts";
import { complexForward, type LineTransform, realForward } from "./transform.ts";

/** The words of the kernel's table; strides and offsets in bytes. */
export const TILE_TABLE = [
  "channels",
  "channelStride",
  "samples",
  "sampleStride",
  /** Rows of tiles, tiles in a row. */
  "tileRows",
  "tileColumns",
  /** Rows of the image, and which of them (perhaps outside) is the first tile's first. */
  "height",
  "firstRow",
  "rowStride",
  /** Of each row: bytes of zeros in front, elements copied, bytes before the first of them. */
  "left",
  "copied",
  "origin",
  /** Bytes of a phase of a row: of those that are read further, of the others. */
  "longBytes",
  "shortBytes",
  /** From a channel to the next in a plane, from a real to its imaginary plane, from a pair to the next. */
  "channelBytes",
  "imaginaryBytes",
  "pairBytes",
] as const;

/**
 * The module, with the export `tiles(table, source, target, scratch)`: writes the planes of all tiles `[pair][re, im][channel]
 * [tile]`, tiles in the order sample, row, column. Up to three elements behind a channel's tiles are overwritten before the
 * next channel's are written.
 *
 * @param n Points of a tile's transform along each axis.
 * @param step Pixels from one tile to the next.
 * @param span Pixels of a tile that are read, the others being zero; at least `step`.
 */
export function buildTileModule(n: number, step: number, span: number, fused: boolean, shared: boolean): Uint8Array {
  const e = element("float32", fused);
  const module = new ModuleBuilder({ shared });
  const f = module.function(["i32", "i32", "i32", "i32"], [], "tiles");
  const [table, source, target, scratch] = f.params;
  const t = loadTable(f, table, TILE_TABLE);
  const [rowBytes, rowBuffer, staged, vertical, end, rows, stagedRow, atSample] = f.locals("i32", 8);
  const [channel, sample, row, tileRow, from, to, tile, columns] = f.locals("i32", 8);
  const long = longPhases(step, span);
  f.get(t.longBytes).i32(long).op("i32.mul").get(t.shortBytes).i32(step - long).op("i32.mul").op("i32.add").set(
    rowBytes,
  );
  f.get(scratch).set(rowBuffer);
  offsetBy(f, staged, rowBuffer, t.longBytes, step);
  f.get(t.tileRows).i32(step).op("i32.mul").i32(span - step).op("i32.add").set(rows);
  offsetBy(f, vertical, staged, rows, rowBytes);
  f.get(t.tileColumns).i32(2).op("i32.shl").set(columns);
  // The edges of the row buffer stay zero: every row is copied to the same place.
  fillZeros(f, rowBuffer, staged);

  assign(f, channel, 0);
  forEach(f, channel, t.channels, 1, () => {
    f.get(source).set(atSample);
    f.get(target).set(tile);
    assign(f, sample, 0);
    forEach(f, sample, t.samples, 1, () => {
      f.get(staged).set(stagedRow);
      assign(f, row, 0);
      forEach(f, row, rows, 1, () => {
        f.get(row).get(t.firstRow).op("i32.add").tee(from).get(t.height).op("i32.lt_u");
        f.if(() => {
          offsetBy(f, from, atSample, from, t.rowStride);
          f.get(from).get(t.origin).op("i32.add").set(from);
          f.get(rowBuffer).get(t.left).op("i32.add").set(to);
          copyRow(f, from, to, t.copied);
          emitDeal(f, rowBuffer, stagedRow, t, step, long);
        }, () => {
          f.get(stagedRow).get(rowBytes).op("i32.add").set(end);
          fillZeros(f, stagedRow, end);
        });
        f.add(stagedRow, rowBytes);
      });
      f.get(staged).set(stagedRow);
      assign(f, tileRow, 0);
      forEach(f, tileRow, t.tileRows, 1, () => {
        emitVertical(f, e, realForward(n, span), stagedRow, vertical, rowBytes);
        const place = { vertical, tile, columns, rowBytes, long, ...t };
        emitLines(f, e, place, realForward(n, span), { n, step, parts: 1, begin: 0, end: 2 });
        emitLines(f, e, place, complexForward(n, span), { n, step, parts: 2, begin: 1, end: n / 2 });
        f.add(tile, columns);
        offsetBy(f, stagedRow, stagedRow, rowBytes, step);
      });
      f.add(atSample, t.sampleStride);
    });
    f.add(source, t.channelStride).add(target, t.channelBytes);
  });
  return module.toBytes();
}

/** Bytes of the phases of a row. */
interface PhaseBytes {
  readonly longBytes: Local;
  readonly shortBytes: Local;
}

/** Deals a row out into phases, the first `long` of which are longer: element `step · q + r` goes to phase r, place q. */
function emitDeal(f: FunctionBuilder, from: Local, target: Local, bytes: PhaseBytes, step: number, long: number): void {
  const [at, to, place, end] = f.locals("i32", 4);
  const rows = f.locals("v128", 4);
  /** Fills a vector of each of the first phases. */
  const vectors = (phases: number) =>
    forAddresses(f, place, end, 16, () => {
      f.get(place).set(to);
      for (let first = 0; first < phases; first += 4) {
        // The last loads read beyond the tile's pixels, and beyond the row into what follows it: those lanes are not used.
        rows.forEach((row, lane) => f.get(at).mem("v128.load", 4 * (lane * step + first)).set(row));
        transpose(f, rows, Math.min(4, phases - first), (i, value) => {
          f.get(to).get(value).mem("v128.store").add(to, first + i < long ? bytes.longBytes : bytes.shortBytes);
        });
      }
      f.add(at, 16 * step);
    });
  f.get(from).set(at);
  f.get(target).set(place).get(target).get(bytes.shortBytes).op("i32.add").set(end);
  vectors(step);
  f.get(target).get(bytes.longBytes).op("i32.add").set(end);
  vectors(long);
  f.release(at, to, place, end, ...rows);
}

/** The transforms along columns, for all columns of a row of tiles. */
function emitVertical(
  f: FunctionBuilder,
  e: Element,
  line: LineTransform,
  source: Local,
  target: Local,
  rowBytes: Local,
): void {
  const [at, end, pointer, to] = f.locals("i32", 4);
  const values = f.locals("v128", line.inputs);
  f.get(source).set(at).get(source).get(rowBytes).op("i32.add").set(end);
  f.get(target).set(to);
  forAddresses(f, at, end, 16, () => {
    f.get(at).set(pointer);
    values.forEach((value) => f.get(pointer).mem("v128.load").set(value).add(pointer, rowBytes));
    f.get(to).set(pointer);
    emitProgram(f, e, values, line.outputs, (_, value) => {
      f.get(pointer).get(value).mem("v128.store").add(pointer, rowBytes);
    });
    f.add(to, 16);
  });
  f.release(at, end, pointer, to, ...values);
}

/** Where the horizontal transforms of a row of tiles read and write. */
interface Place {
  readonly vertical: Local;
  readonly tile: Local;
  readonly columns: Local;
  readonly rowBytes: Local;
  readonly longBytes: Local;
  readonly shortBytes: Local;
  /** How many phases have `longBytes`. */
  readonly long: number;
  readonly imaginaryBytes: Local;
  readonly pairBytes: Local;
}

/** Loads pixel j of four tiles to `values[parts · j + part]`, parts (real, imaginary) a row apart. */
function emitLoads(
  f: FunctionBuilder,
  at: Local,
  values: readonly Local[],
  parts: number,
  step: number,
  place: Place,
): void {
  const pointer = f.local("i32");
  const span = values.length / parts;
  for (let part = 0; part < parts; part++) {
    f.get(at).set(pointer);
    if (part > 0) f.add(pointer, place.rowBytes);
    for (let phase = 0; phase < Math.min(step, span); phase++) {
      for (let j = phase; j < span; j += step) {
        f.get(pointer).mem("v128.load", 4 * Math.floor(j / step)).set(values[parts * j + part]);
      }
      f.add(pointer, phase < place.long ? place.longBytes : place.shortBytes);
    }
  }
  f.release(pointer);
}

/** Calls `body` for each vector of tiles of a row. */
function forTiles(f: FunctionBuilder, place: Place, from: Local, to: Local, body: () => void): void {
  const end = f.local("i32");
  f.get(from).get(place.columns).op("i32.add").set(end);
  forAddresses(f, from, end, 16, () => {
    body();
    f.add(to, 16);
  });
  f.release(end);
}

/**
 * The horizontal lines `begin … end − 1` of a kind: real ones (`parts` 1: vertical frequency 0, then n / 2) or complex ones (`parts` 2: the
 * frequencies 1 … n / 2 − 1, of two rows each).
 */
function emitLines(
  f: FunctionBuilder,
  e: Element,
  place: Place,
  line: LineTransform,
  { n, step, parts, begin, end }: { n: number; step: number; parts: 1 | 2; begin: number; end: number },
): void {
  const [index, limit, at, to, pointer] = f.locals("i32", 5);
  const values = f.locals("v128", line.inputs);
  assign(f, limit, end);
  assign(f, index, begin);
  forEach(f, index, limit, 1, () => {
    if (parts === 2) f.get(index).i32(1).op("i32.shl").set(at);
    offsetBy(f, at, place.vertical, parts === 2 ? at : index, place.rowBytes);
    // Two real lines have as many frequencies as one complex line.
    f.get(index).i32(parts * n / 2).op("i32.mul").set(to);
    offsetBy(f, to, place.tile, to, place.pairBytes);
    forTiles(f, place, at, to, () => {
      emitLoads(f, at, values, parts, step, place);
      f.get(to).set(pointer);
      emitStores(f, e, values, line, pointer, place);
    });
  });
  f.release(index, limit, at, to, pointer, ...values);
}

/** Stores a line's outputs: even ones in real planes, odd ones in imaginary planes. */
function emitStores(
  f: FunctionBuilder,
  e: Element,
  values: readonly Local[],
  line: LineTransform,
  pointer: Local,
  place: Place,
): void {
  emitProgram(f, e, values, line.outputs, (i, value) => {
    f.get(pointer);
    if (i % 2 === 1) f.get(place.imaginaryBytes).op("i32.add");
    f.get(value).mem("v128.store");
    if (i % 2 === 1) f.add(pointer, place.pairBytes);
  });
}
