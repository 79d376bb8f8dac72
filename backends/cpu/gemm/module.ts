/**
 * The WebAssembly module of the matrix product: three nested blockings so that a panel of B stays in the first-level
 * cache and a block of A in the second (Goto & van de Geijn 2008), around the packing and the micro-kernel. Used where no
 * native BLAS is open, and for products too small to pay for a native call.
 */

import type { FloatDType } from "../../../src/tensor/dtype.ts";
import { type FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import { assign, type Element, element, forEach, remaining } from "./element.ts";
import { emitTile, tileColumns, tileRows } from "./micro_kernel.ts";
import { emitPack } from "./pack.ts";

/** Steps of k in a block: a panel of B of 8 KiB. */
const BLOCK_K = 256;
/** Rows of A in a block (float32, 96 × 256: 96 KiB), a multiple of both tile heights. */
const BLOCK_M = 96;
/** Columns of B in a block (float32, 256 × 384: 384 KiB), a multiple of the tile's width. */
const BLOCK_N = 384;

/** Bytes of workspace that a call needs: the packed blocks of B and A, and one tile. */
export const GEMM_WORKSPACE_BYTES = 8 * BLOCK_K * (BLOCK_M + BLOCK_N) + 1024;

/**
 * The module, with the exports
 *
 * - `gemm(m, n, k, alpha, a, aRow, aColumn, b, bRow, bColumn, beta, c, cRow, cColumn, workspace)`:
 *   `c = alpha · a · b + beta · c`, all strides in bytes, `c` not read when `beta` is 0;
 * - `gemmBatch(…the same)` with the addresses of three int32 lists in place of a, b, c, and the number of products as
 *   last argument.
 */
export function buildGemmModule(dtype: FloatDType, fused: boolean, shared: boolean): Uint8Array {
  const e = element(dtype, fused);
  const module = new ModuleBuilder({ shared });
  const gemm = emitGemm(module, e);
  emitBatch(module, e, gemm);
  return module.toBytes();
}

function emitGemm(module: ModuleBuilder, e: Element): FunctionBuilder {
  const height = tileRows(e);
  const width = tileColumns(e);
  const heights = Array.from({ length: height / 2 }, (_, i) => height - 2 * i);
  const tiles = heights.map((rows) => emitTile(module, e, rows));
  const packA = emitPack(module, e, height);
  const packB = emitPack(module, e, width);
  const merge = emitMerge(module, e, width * e.bytes);
  const i = "i32";
  const f = module.function([i, i, i, e.type, i, i, i, i, i, i, e.type, i, i, i, i], [], "gemm");
  const [m, n, k, alpha, a, aRow, aColumn, b, bRow, bColumn, beta, c, cRow, cColumn, workspace] = f.params;
  const [atN, atK, atM, sizeN, sizeK, sizeM, column, row, panelA, panelB, target, rows, columns] = f.locals(i, 13);
  const [blockA, scratch, direct] = f.locals(i, 3);
  const factor = f.local(e.type);
  const zero = () => e.type === "f32" ? f.f32(0) : f.f64(0);

  /** Calls the lowest tile that holds `rows` rows. */
  const callTile = (push: () => void, index = tiles.length - 1) => {
    if (index === 0) {
      push();
      f.call(tiles[0]);
      return;
    }
    f.get(rows).i32(heights[index]).op("i32.le_s");
    f.if(() => {
      push();
      f.call(tiles[index]);
    }, () => callTile(push, index - 1));
  };

  f.get(workspace).i32(e.bytes * BLOCK_K * BLOCK_N).op("i32.add").set(blockA);
  f.get(blockA).i32(e.bytes * BLOCK_K * BLOCK_M).op("i32.add").set(scratch);
  assign(f, atN, 0);
  forEach(f, atN, n, BLOCK_N, () => {
    remaining(f, sizeN, n, atN, BLOCK_N);
    f.get(beta).set(factor);
    assign(f, atK, 0);
    f.loop((nextK) => {
      remaining(f, sizeK, k, atK, BLOCK_K);
      f.get(workspace);
      f.get(b).get(atN).get(bColumn).op("i32.mul").op("i32.add").get(atK).get(bRow).op("i32.mul").op("i32.add");
      f.get(sizeN).get(sizeK).get(bColumn).get(bRow).call(packB);
      assign(f, atM, 0);
      forEach(f, atM, m, BLOCK_M, () => {
        remaining(f, sizeM, m, atM, BLOCK_M);
        f.get(blockA);
        f.get(a).get(atM).get(aRow).op("i32.mul").op("i32.add").get(atK).get(aColumn).op("i32.mul").op("i32.add");
        f.get(sizeM).get(sizeK).get(aRow).get(aColumn).call(packA);
        f.get(workspace).set(panelB);
        assign(f, column, 0);
        forEach(f, column, sizeN, width, () => {
          remaining(f, columns, sizeN, column, width);
          f.get(blockA).set(panelA);
          assign(f, row, 0);
          forEach(f, row, sizeM, height, () => {
            remaining(f, rows, sizeM, row, height);
            f.get(c).get(atM).get(row).op("i32.add").get(cRow).op("i32.mul").op("i32.add");
            f.get(atN).get(column).op("i32.add").get(cColumn).op("i32.mul").op("i32.add").set(target);
            f.get(columns).i32(width).op("i32.eq").get(cColumn).i32(e.bytes).op("i32.eq").op("i32.and");
            f.get(rows).i32(1).op("i32.and").op("i32.eqz").op("i32.and").tee(direct);
            f.if(() => {
              callTile(() => f.get(sizeK).get(panelA).get(panelB).get(target).get(cRow).get(alpha).get(factor));
            }, () => {
              callTile(() => {
                f.get(sizeK).get(panelA).get(panelB).get(scratch).i32(width * e.bytes).get(alpha);
                zero();
              });
              f.get(target).get(cRow).get(cColumn).get(scratch).get(rows).get(columns).get(factor).call(merge);
            });
            f.get(panelA).get(sizeK).i32(height * e.bytes).op("i32.mul").op("i32.add").set(panelA);
          });
          f.get(panelB).get(sizeK).i32(width * e.bytes).op("i32.mul").op("i32.add").set(panelB);
        });
      });
      if (e.type === "f32") f.f32(1);
      else f.f64(1);
      f.set(factor);
      f.add(atK, BLOCK_K).get(atK).get(k).op("i32.lt_s").brIf(nextK);
    });
  });
  return f;
}

/** Adds `(c, rowBytes, columnBytes, tile, rows, columns, beta)`: `c = tile + beta · c` for a part of a tile. */
function emitMerge(module: ModuleBuilder, e: Element, tileBytes: number): FunctionBuilder {
  const f = module.function(["i32", "i32", "i32", "i32", "i32", "i32", e.type], []);
  const [c, rowBytes, columnBytes, tile, rows, columns, beta] = f.params;
  const [row, column, from, to] = f.locals("i32", 4);
  const loops = (read: boolean) => {
    assign(f, row, 0);
    forEach(f, row, rows, 1, () => {
      f.get(c).set(to).get(tile).set(from);
      assign(f, column, 0);
      forEach(f, column, columns, 1, () => {
        f.get(to).get(from).mem(e.load);
        if (read) f.get(to).mem(e.load).get(beta).op(e.mulScalar).op(e.addScalar);
        f.mem(e.store).add(to, columnBytes).add(from, e.bytes);
      });
      f.add(c, rowBytes).add(tile, tileBytes);
    });
  };
  f.get(beta);
  if (e.type === "f32") f.f32(0).op("f32.eq");
  else f.f64(0).op("f64.eq");
  f.if(() => loops(false), () => loops(true));
  return f;
}

function emitBatch(module: ModuleBuilder, e: Element, gemm: FunctionBuilder): void {
  const i = "i32";
  const f = module.function([i, i, i, e.type, i, i, i, i, i, i, e.type, i, i, i, i, i], [], "gemmBatch");
  const count = f.params[15];
  const pointers = [f.params[4], f.params[7], f.params[11]];
  const index = f.local(i);
  assign(f, index, 0);
  forEach(f, index, count, 1, () => {
    f.params.slice(0, 15).forEach((param) => {
      f.get(param);
      if (pointers.includes(param)) f.mem("i32.load");
    });
    f.call(gemm);
    for (const pointer of pointers) f.add(pointer, 4);
  });
}
