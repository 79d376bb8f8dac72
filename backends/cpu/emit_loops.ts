/**
 * The loops of generated kernels `(params, begin, end)`: a walk over the elements `[begin, end)` of an iteration space in
 * rows of its innermost loop, and nests that run inside for each of them. Sizes and strides come from the block of
 * parameters, only the number of loops is fixed in the code.
 */

import type { FunctionBuilder, Local } from "./wasm/assembler.ts";
import type { ParameterLayout } from "./loop_plan.ts";

/** Parameters of every kernel: the block, and the range of elements. */
export interface KernelParameters {
  /** Address of the block of parameters. */
  readonly block: Local;
  /** First element. */
  readonly begin: Local;
  /** Behind the last element. */
  readonly end: Local;
}

/** Pushes a word of the block of parameters. */
export function pushParameter(f: FunctionBuilder, block: Local, offset: number): FunctionBuilder {
  return f.get(block).mem("i32.load", offset);
}

/** Pushes how far `count` elements of the innermost loop move a pointer. */
export type PushInnerDistance = (operand: number, count: Local) => void;

/**
 * Walks over the elements `[begin, end)`, row by row. Before `row` runs, `pointers` stand at its first element and `count`
 * (which `row` may use up) holds the number of its elements.
 *
 * @param unitRows Every element is a row of its own; the innermost loop belongs to the body. Default `false`.
 */
export function emitWalk(
  f: FunctionBuilder,
  layout: ParameterLayout,
  { block, begin, end }: KernelParameters,
  pointers: readonly Local[],
  count: Local,
  pushInnerDistance: PushInnerDistance,
  row: () => void,
  unitRows = false,
): void {
  const { outer } = layout;
  if (outer === 0) {
    pointers.forEach((pointer, operand) => {
      pushParameter(f, block, layout.base(operand));
      pushInnerDistance(operand, begin);
      f.op("i32.add").set(pointer);
    });
    f.get(end).get(begin).op("i32.sub").set(count);
    row();
    return;
  }
  const [inner, rest, offset, position] = f.locals("i32", 4);
  const indices = f.locals("i32", outer);
  const starts = f.locals("i32", pointers.length);
  if (unitRows) f.i32(1).set(inner);
  else pushParameter(f, block, layout.innerSize).set(inner);
  f.get(begin).set(position);
  f.get(begin).get(inner).op("i32.div_u").set(rest);
  f.get(begin).get(rest).get(inner).op("i32.mul").op("i32.sub").set(offset);
  for (let loop = outer - 1; loop > 0; loop--) {
    f.get(rest);
    pushParameter(f, block, layout.outerSize(loop)).op("i32.rem_u").set(indices[loop]);
    f.get(rest);
    pushParameter(f, block, layout.outerSize(loop)).op("i32.div_u").set(rest);
  }
  f.get(rest).set(indices[0]);
  starts.forEach((start, operand) => {
    pushParameter(f, block, layout.base(operand));
    for (let loop = 0; loop < outer; loop++) {
      pushParameter(f, block, layout.outerStride(operand, loop)).get(indices[loop]).op("i32.mul").op("i32.add");
    }
    f.set(start);
  });
  f.loop((nextRow) => {
    pointers.forEach((pointer, operand) => {
      f.get(starts[operand]);
      pushInnerDistance(operand, offset);
      f.op("i32.add").set(pointer);
    });
    f.get(inner).get(offset).op("i32.sub").set(count);
    f.get(end).get(position).op("i32.sub").set(rest);
    f.get(rest).get(count).get(rest).get(count).op("i32.lt_u").op("select").tee(count);
    f.get(position).op("i32.add").set(position);
    row();
    f.get(position).get(end).op("i32.lt_u").if(() => {
      f.i32(0).set(offset);
      f.block((moved) => {
        for (let loop = outer - 1; loop >= 0; loop--) {
          const step = (): void => {
            starts.forEach((start, operand) => {
              f.get(start);
              pushParameter(f, block, layout.outerStep(operand, loop)).op("i32.add").set(start);
            });
          };
          if (loop === 0) {
            step();
          } else {
            f.get(indices[loop]).i32(1).op("i32.add").tee(indices[loop]);
            pushParameter(f, block, layout.outerSize(loop)).op("i32.lt_u").if(() => {
              step();
              f.br(moved);
            });
            f.i32(0).set(indices[loop]);
          }
        }
      });
      f.br(nextRow);
    });
  });
}

/** Runs `body` for each element of a nest, moving the pointers of the given operands; they end behind the last one. */
export function emitNest(
  f: FunctionBuilder,
  layout: ParameterLayout,
  block: Local,
  operands: readonly number[],
  pointers: readonly Local[],
  body: () => void,
): void {
  const emit = (loop: number): void => {
    if (loop === layout.nest) return body();
    const index = f.local("i32");
    pushParameter(f, block, layout.nestSize(loop)).set(index);
    f.loop((next) => {
      emit(loop + 1);
      for (const operand of operands) {
        f.get(pointers[operand]);
        pushParameter(f, block, layout.nestStep(operand, loop)).op("i32.add").set(pointers[operand]);
      }
      f.get(index).i32(1).op("i32.sub").tee(index).brIf(next);
    });
    f.release(index);
  };
  emit(0);
}

/** `while (count ≥ step) { body; count −= step }`, tested at the end of each round. */
export function emitSteps(f: FunctionBuilder, count: Local, step: number, body: () => void): void {
  f.get(count).i32(step).op("i32.ge_u").if(() => {
    f.loop((next) => {
      body();
      f.get(count).i32(step).op("i32.sub").tee(count).i32(step).op("i32.ge_u").brIf(next);
    });
  });
}
