/**
 * The innermost part of the matrix product: a tile of the output held in registers while the packed panels of both
 * factors stream by (Goto & van de Geijn, "Anatomy of high-performance matrix multiplication", 2008). With fused
 * multiply-add the tile is 6 × 2 vectors, which fills the 15 vector registers that engines allocate; without, 4 × 2,
 * because the product needs a register of its own.
 */

import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import { type Element, multiplyAdd } from "./element.ts";

/** Vectors in a row of the tile. */
export const TILE_VECTORS = 2;

/** Steps of k in one round of the loop. */
const UNROLL = 4;

/** Rows of the tile. */
export function tileRows(e: Element): number {
  return e.fused ? 6 : 4;
}

/** Columns of the tile. */
export function tileColumns(e: Element): number {
  return TILE_VECTORS * e.lanes;
}

/**
 * Adds a function `(k, a, b, c, rowBytes, alpha, beta)`: `c = alpha · a · b + beta · c` for `rows` rows of contiguous
 * columns, `c` not read when `beta` is 0. `a` is a panel `[k][tileRows]` of which the first `rows` count, `b` a panel
 * `[k][tileColumns]`.
 */
export function emitTile(module: ModuleBuilder, e: Element, rows: number): FunctionBuilder {
  const f = module.function(["i32", "i32", "i32", "i32", "i32", e.type, e.type], []);
  const [k, a, b, c, rowBytes, alpha, beta] = f.params;
  const sums = Array.from({ length: rows }, () => f.locals("v128", TILE_VECTORS));
  const right = f.locals("v128", TILE_VECTORS);
  const left = f.local("v128");
  const step = (at: number) => {
    right.forEach((vector, j) => f.get(b).mem("v128.load", 16 * (at * TILE_VECTORS + j)).set(vector));
    for (let i = 0; i < rows; i++) {
      f.get(a).mem(e.loadSplat, e.bytes * (at * tileRows(e) + i)).set(left);
      for (let j = 0; j < TILE_VECTORS; j++) multiplyAdd(f, e, sums[i][j], left, right[j]);
    }
  };
  const advance = (count: number) => {
    f.add(a, count * tileRows(e) * e.bytes).add(b, count * TILE_VECTORS * 16).add(k, -count);
  };
  for (const count of [UNROLL, 1]) {
    f.block((exit) => {
      f.get(k).i32(count).op("i32.lt_s").brIf(exit);
      f.loop((next) => {
        for (let at = 0; at < count; at++) step(at);
        advance(count);
        f.get(k).i32(count).op("i32.ge_s").brIf(next);
      });
    });
  }
  const factor = right[0];
  const old = right[1];
  f.get(alpha).op(e.splat).set(factor);
  for (const row of sums) for (const sum of row) f.get(sum).get(factor).op(e.mul).set(sum);
  f.get(beta).op(e.splat).set(old);
  const store = (read: boolean) => {
    for (const row of sums) {
      row.forEach((sum, j) => {
        f.get(c).get(sum);
        if (read) f.get(c).mem("v128.load", 16 * j).get(old).op(e.mul).op(e.add);
        f.mem("v128.store", 16 * j);
      });
      f.add(c, rowBytes);
    }
  };
  f.get(beta);
  if (e.type === "f32") f.f32(0).op("f32.eq");
  else f.f64(0).op("f64.eq");
  f.if(() => store(false), () => store(true));
  return f;
}
