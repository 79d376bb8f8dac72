/**
 * Padding: elements added before and after along the last axes, by a constant or from the tensor itself (reflected,
 * repeated at the edge, wrapped around).
 */

import { allocateTensor, needsGrad, record } from "./core.ts";
import { ArgumentError } from "./errors.ts";
import * as E from "./expr.ts";
import { indexSelect } from "./gather.ts";
import { type Layout, sliceLayout } from "./layout.ts";
import type { Tensor } from "./tensor.ts";
import { selectView } from "./views.ts";

/** Where padded elements come from. */
export type PaddingMode = "zeros" | "constant" | "reflect" | "replicate" | "circular";

/** Options of {@linkcode pad}. */
export interface PadOptions {
  /**
   * `"zeros"`, `"constant"` (`value`), `"reflect"` (mirrored at the edge element, which is not repeated), `"replicate"` (the edge
   * element), `"circular"` (from the other side). Default `"zeros"`.
   */
  readonly mode?: PaddingMode;
  /** The element of mode `"constant"`. Default 0. */
  readonly value?: number;
}

/** For each mode: from a position that may lie outside `[0, size)` the one that it copies, and how far outside it may lie. */
const SOURCES: {
  readonly [M in "reflect" | "replicate" | "circular"]: {
    readonly position: (position: number, size: number) => number;
    readonly limit: (size: number) => number;
  };
} = {
  reflect: {
    position: (position, size) => {
      const distance = Math.abs(position);
      return distance < size ? distance : 2 * (size - 1) - distance;
    },
    limit: (size) => size - 1,
  },
  replicate: {
    position: (position, size) => Math.max(0, Math.min(size - 1, position)),
    limit: (size) => size > 0 ? Infinity : 0,
  },
  circular: { position: (position, size) => (position + size) % size, limit: (size) => size },
};

/**
 * `x` with `[before, after]` elements more along each of its last axes: `amounts` has one pair for each padded axis, in array order.
 * Throws {@linkcode ArgumentError} for negative amounts, more pairs than axes, or a reflection or wrapping that exceeds the tensor.
 *
 * @example
 * ```ts
 * import { pad, tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const padded = pad(tensor([1, 2, 3]), [[1, 2]], { mode: "reflect" });
 * assertEquals(await padded.data(), new Float32Array([2, 1, 2, 3, 2, 1]));
 * ```
 */
export function pad(x: Tensor, amounts: readonly (readonly [number, number])[], options: PadOptions = {}): Tensor {
  const op = "pad";
  const { mode = "zeros", value = 0 } = options;
  const lead = x.rank - amounts.length;
  if (lead < 0 || amounts.some((pair) => pair.length !== 2 || pair.some((n) => !Number.isInteger(n) || n < 0))) {
    throw new ArgumentError({
      op,
      expected: `at most ${x.rank} pairs [before, after] of non-negative integers`,
      actual: JSON.stringify(amounts),
    });
  }
  if (mode === "zeros" || mode === "constant") return padConstant(x, lead, amounts, mode === "zeros" ? 0 : value);
  const source = SOURCES[mode];
  if (source === undefined) {
    throw new ArgumentError({
      op,
      expected: "mode zeros, constant, reflect, replicate or circular",
      actual: String(mode),
    });
  }
  amounts.forEach((pair, i) => {
    const size = x.shape[lead + i];
    if (Math.max(...pair) > Math.max(0, source.limit(size))) {
      throw new ArgumentError({
        op,
        expected: `at most ${Math.max(0, source.limit(size))} elements of mode ${mode} beside an axis of size ${size}`,
        actual: JSON.stringify(pair),
      });
    }
  });
  let result = selectView(op, x, (layout) => layout);
  amounts.forEach(([before, after], i) => {
    if (before === 0 && after === 0) return;
    const size = x.shape[lead + i];
    const indices = Array.from({ length: before + size + after }, (_, k) => source.position(k - before, size));
    using previous = result;
    result = indexSelect(previous, lead + i, indices);
  });
  return result;
}

function padConstant(x: Tensor, lead: number, amounts: readonly (readonly [number, number])[], value: number): Tensor {
  const { backend, dtype } = x;
  const shape = x.shape.map((size, axis) =>
    axis < lead ? size : size + amounts[axis - lead][0] + amounts[axis - lead][1]
  );
  const inside = (layout: Layout): Layout =>
    amounts.reduce(
      (view, [before], i) => sliceLayout(view, lead + i, before, x.shape[lead + i]),
      layout,
    );
  void x.storage;
  const result = allocateTensor(backend, shape, dtype);
  const expressions = [value === 0 ? E.constant(0, dtype) : E.scalar(0, dtype)];
  backend.map({ expressions, shape, inputs: [], scalars: value === 0 ? [] : [value], outputs: [result] });
  if (x.size > 0) backend.copy(x, { ...inside(result), buffer: result.buffer, dtype });
  if (needsGrad([x])) record("pad", [x], [result], [], ([gradient]) => [selectView("pad", gradient!, inside)]);
  return result;
}
