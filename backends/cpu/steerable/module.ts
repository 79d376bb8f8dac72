/**
 * The kernels of convolutions by a plan as two WebAssembly modules for each set of functions: planes from an input, and the
 * gradient of an input from the gradients of planes, for a list of units (copies of inputs) each. They are two so that the
 * first pass forward does not wait for kernels of the passes backward.
 */

import type { FloatDType } from "../../../src/tensor/dtype.ts";
import { assign, element, forEach } from "../gemm/element.ts";
import { ModuleBuilder } from "../wasm/assembler.ts";
import { emitAdjoint } from "./adjoint.ts";
import { clearVectors, emitProjection, type GridFunctions } from "./projection.ts";
import { emitContraction } from "./contraction.ts";
import { loadWords, PARAMETER, UNIT, UNIT_WORDS } from "./frame.ts";

/**
 * One of the two modules. `tables` starts with the parameter block; other tables' offsets count from it.
 *
 * - `planes(tables, tile, unit, count, source, base)` of the one without `back`: the planes of the units from a group's channels at
 *   `source`.
 * - `planesBack(tables, tile, unit, count, target, base)` of the one with `back`: adds what the planes' gradients send to the channels at
 *   `target`.
 * - `clear(pointer, bytes)` of both: zeros.
 */
export function buildSteerableModule(
  dtype: FloatDType,
  fused: boolean,
  shared: boolean,
  grid: GridFunctions,
  back: boolean,
): Uint8Array {
  const e = element(dtype, fused);
  const module = new ModuleBuilder({ shared });
  const perChannel = back ? emitAdjoint(module, e, grid) : emitProjection(module, e, grid);
  emitPlanes(module, perChannel, emitContraction(module, e), grid.count, back);
  emitClear(module);
  return module.toBytes();
}

/** The walk over units and their channels. */
function emitPlanes(
  module: ModuleBuilder,
  perChannel: ReturnType<typeof emitProjection>,
  contract: ReturnType<typeof emitContraction>,
  functionCount: number,
  back: boolean,
): void {
  const f = module.function(new Array<"i32">(6).fill("i32"), [], back ? "planesBack" : "planes");
  const [tables, tile, unit, count, channels, base] = f.params;
  const p = loadWords(f, tables, PARAMETER, ["plane", "channelBytes", "functionPlanes", "scratch"]);
  const [index, channel, size, at, functions, step, scratch, planes] = f.locals("i32", 8);
  f.get(p.plane).i32(functionCount).op("i32.mul").set(step);
  f.get(base).get(p.scratch).op("i32.add").set(scratch);
  const word = (name: keyof typeof UNIT) => f.get(unit).mem("i32.load", 4 * UNIT[name]);
  const contractBy = (table: "contraction" | "adjoint") => {
    f.get(tables);
    word(table);
    f.op("i32.add").get(tables);
    word("bases");
    f.op("i32.add").get(base).get(p.plane).call(contract);
  };
  assign(f, index, 0);
  forEach(f, index, count, 1, () => {
    word("size");
    f.set(size);
    word("direct");
    f.tee(planes).op("i32.eqz");
    f.if(() => f.get(p.functionPlanes).set(planes));
    f.get(base).get(planes).op("i32.add").set(functions);
    f.get(channels);
    word("channel");
    f.op("i32.add").set(at);
    if (back) {
      word("direct");
      f.op("i32.eqz");
      f.if(() => contractBy("adjoint"));
    }
    assign(f, channel, 0);
    forEach(f, channel, size, 1, () => {
      f.get(tables).get(tile);
      if (back) f.get(functions).get(at);
      else f.get(at).get(functions);
      f.get(scratch).call(perChannel);
      f.add(functions, step).add(at, p.channelBytes);
    });
    if (!back) {
      word("direct");
      f.op("i32.eqz");
      f.if(() => contractBy("contraction"));
    }
    f.add(unit, 4 * UNIT_WORDS);
  });
}

/** Zeros. */
function emitClear(module: ModuleBuilder): void {
  const f = module.function(["i32", "i32"], [], "clear");
  const [pointer, bytes] = f.params;
  const [whole, end] = f.locals("i32", 2);
  f.get(bytes).i32(-16).op("i32.and").set(whole);
  clearVectors(f, () => f.get(pointer), () => f.get(whole));
  f.get(pointer).get(bytes).op("i32.add").set(end);
  f.add(pointer, whole);
  f.block((exit) => {
    f.loop((next) => {
      f.get(pointer).get(end).op("i32.ge_u").brIf(exit);
      f.get(pointer).i32(0).mem("i32.store").add(pointer, 4).br(next);
    });
  });
}
