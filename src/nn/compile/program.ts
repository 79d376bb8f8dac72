/**
 * The intermediate form of a compiled network: calls of a backend (`src/tensor/backend.ts`) in order, whose views lie in buffers that
 * stand for memory to come. What each operation reads and writes stands in one table, so that passes treat all alike.
 */

import type {
  AveragePoolCall,
  ConvolutionCall,
  DeviceBuffer,
  GatherCall,
  MapCall,
  MapReduceCall,
  MatmulCall,
  MaxPoolCall,
  ScatterAddCall,
  SteerableConvolutionCall,
  View,
} from "../../tensor/backend.ts";
import { BYTES_PER_ELEMENT } from "../../tensor/dtype.ts";
import type { SeparableFilterCall } from "../../tensor/separable_filter.ts";
import type { SteerableMapCall } from "../../tensor/steerable_map.ts";
import { coalesce, elementCount, type Layout } from "../../tensor/layout.ts";

/**
 * What a buffer holds: the network's input, numbers that are the same in every run, results of a run; or nothing, where it is the name of a
 * result that a call does not keep.
 */
export type BufferRole = "input" | "constant" | "planned" | "name";

let nextId = 0;

/** A stretch of memory with one history: one that is overwritten as a whole becomes another buffer. */
export class PlanBuffer implements DeviceBuffer {
  /** Tells it from others. */
  readonly id: number = nextId++;
  /** Its size. */
  readonly bytes: number;
  /** What it holds. */
  role: BufferRole;
  /** The memory of a constant. */
  contents: DeviceBuffer | undefined = undefined;

  /** A buffer of a size. */
  constructor(bytes: number, role: BufferRole) {
    this.bytes = bytes;
    this.role = role;
  }
}

/** A copy. */
export interface CopyCall {
  /** What is copied. */
  readonly source: View;
  /** Where to. */
  readonly target: View;
}

/** The operations of a backend that compute, with what they are called with. */
export interface OperationCalls {
  readonly copy: CopyCall;
  readonly map: MapCall;
  readonly mapReduce: MapReduceCall;
  readonly matmul: MatmulCall;
  readonly convolution: ConvolutionCall;
  readonly convolutionInputGradient: ConvolutionCall;
  readonly convolutionWeightGradient: ConvolutionCall;
  readonly steerableConvolution: SteerableConvolutionCall;
  readonly steerableConvolutionMap: SteerableMapCall;
  readonly steerableConvolutionInputGradient: SteerableConvolutionCall;
  readonly steerableConvolutionWeightGradient: SteerableConvolutionCall;
  readonly separableFilter: SeparableFilterCall;
  readonly separableFilterAdjoint: SeparableFilterCall;
  readonly maxPool: MaxPoolCall;
  readonly averagePool: AveragePoolCall;
  readonly averagePoolGradient: AveragePoolCall;
  readonly gather: GatherCall;
  readonly scatterAdd: ScatterAddCall;
}

/** The name of an operation. */
export type Operation = keyof OperationCalls;

/** A call of an operation. */
export type Step = {
  [O in Operation]: {
    /** Which operation. */
    readonly op: O;
    /** What it is called with; views lie in {@linkcode PlanBuffer}s. */
    readonly call: OperationCalls[O];
    /** The dotted names of the modules that it comes from. */
    readonly modules: readonly string[];
    /** The step of which this does a piece. */
    readonly whole?: Step;
  };
}[Operation];

/** The names of the views that an operation reads and writes. */
export const ROLES: {
  readonly [O in Operation]: { readonly reads: readonly string[]; readonly writes: readonly string[] };
} = {
  copy: { reads: ["source"], writes: ["target"] },
  map: { reads: ["inputs"], writes: ["outputs"] },
  mapReduce: { reads: ["inputs"], writes: ["outputs"] },
  matmul: { reads: ["a", "b"], writes: ["output"] },
  convolution: { reads: ["input", "weight"], writes: ["output"] },
  convolutionInputGradient: { reads: ["output", "weight"], writes: ["input"] },
  convolutionWeightGradient: { reads: ["input", "output"], writes: ["weight"] },
  steerableConvolution: { reads: ["input", "weight"], writes: ["output"] },
  steerableConvolutionMap: { reads: ["input", "weight", "inputs"], writes: ["outputs"] },
  steerableConvolutionInputGradient: { reads: ["output", "weight"], writes: ["input"] },
  steerableConvolutionWeightGradient: { reads: ["input", "output"], writes: ["weight"] },
  separableFilter: { reads: ["input"], writes: ["output"] },
  separableFilterAdjoint: { reads: ["output"], writes: ["input"] },
  maxPool: { reads: ["input"], writes: ["output", "indices"] },
  averagePool: { reads: ["input"], writes: ["output"] },
  averagePoolGradient: { reads: ["output"], writes: ["input"] },
  gather: { reads: ["input", "indices"], writes: ["output"] },
  scatterAdd: { reads: ["source", "indices"], writes: ["output"] },
};

/** Whether a name is that of an operation. */
export function isOperation(name: string): name is Operation {
  return Object.hasOwn(ROLES, name);
}

/** Whether a call needs what its outputs hold. */
export function accumulates(op: Operation, call: object): boolean {
  return op === "scatterAdd" || (op === "matmul" && (call as MatmulCall).beta !== 0);
}

function viewsAt(call: object, names: readonly string[]): View[] {
  return names.flatMap((name) => Reflect.get(call, name) as View | readonly View[]);
}

/** The views that a call reads, those that it adds to included. */
export function readsOf(op: Operation, call: object): View[] {
  const { reads, writes } = ROLES[op];
  return viewsAt(call, accumulates(op, call) ? [...reads, ...writes] : reads);
}

/** The views that a call writes. */
export function writesOf(op: Operation, call: object): View[] {
  return viewsAt(call, ROLES[op].writes);
}

/** A call with its views replaced. */
export function replaceViews<O extends Operation>(
  op: O,
  call: OperationCalls[O],
  replace: (view: View, written: boolean) => View,
): OperationCalls[O] {
  const { reads, writes } = ROLES[op], made: Record<string, unknown> = { ...call };
  for (const name of [...reads, ...writes]) {
    const written = writes.includes(name), value = Reflect.get(call, name) as View | readonly View[];
    made[name] = Array.isArray(value) ? value.map((view) => replace(view, written)) : replace(value as View, written);
  }
  return made as unknown as OperationCalls[O];
}

/** A step with its views replaced. */
export function withViews(step: Step, replace: (view: View, written: boolean) => View): Step {
  return { ...step, call: replaceViews(step.op, step.call, replace) } as Step;
}

/** A view of other memory. */
export function viewIn(buffer: DeviceBuffer, { shape, strides, offset, dtype }: View): View {
  return { buffer, shape, strides, offset, dtype };
}

/** The buffer of a view of a step. */
export function bufferOf(view: View): PlanBuffer {
  return view.buffer as PlanBuffer;
}

/** Whether a layout visits each element of `count` elements from 0 once, in any order. */
export function coversAll(layout: Layout, count: number): boolean {
  if (elementCount(layout.shape) !== count) return false;
  if (count === 0) return true;
  const axes = layout.shape.map((size, axis) => ({ size, stride: layout.strides[axis] })).filter(({ size }) => size > 1)
    .sort((a, b) => a.stride - b.stride);
  let next = 1;
  for (const { size, stride } of axes) {
    if (stride !== next) return false;
    next *= size;
  }
  return layout.offset === 0;
}

/** Whether a view is its whole buffer. */
export function isWhole(view: View): boolean {
  const count = view.buffer.bytes / BYTES_PER_ELEMENT[view.dtype];
  return coversAll(view, count);
}

/** A view with as few axes as possible, as text: equal for views of the same elements in the same order. */
export function viewKey({ shape, strides, offset, dtype, buffer }: View): string {
  const loop = coalesce(shape, [strides]);
  return `${(buffer as PlanBuffer).id} ${dtype} ${offset} ${loop.shape} ${loop.strides[0]}`;
}

/** Where buffers are written and read. */
export interface Uses {
  /** Positions of the steps that write it, ascending. */
  readonly writers: number[];
  /** Positions of the steps that read it, ascending. */
  readonly readers: number[];
}

/** The uses of all buffers of a program; `output` is read behind the last step. */
export function usesOf(steps: readonly Step[], output: View): Map<PlanBuffer, Uses> {
  const uses = new Map<PlanBuffer, Uses>();
  const at = (buffer: PlanBuffer): Uses => {
    let found = uses.get(buffer);
    if (found === undefined) uses.set(buffer, found = { writers: [], readers: [] });
    return found;
  };
  const note = (list: number[], position: number): void => {
    if (list.at(-1) !== position) list.push(position);
  };
  steps.forEach(({ op, call }, position) => {
    for (const view of readsOf(op, call)) note(at(bufferOf(view)).readers, position);
    for (const view of writesOf(op, call)) note(at(bufferOf(view)).writers, position);
  });
  note(at(bufferOf(output)).readers, steps.length);
  return uses;
}

/** Whether a step may run at a later position: what it reads is as before, and nobody needs what it writes until then. */
export function canMove(
  { op, call }: Step,
  from: number,
  to: number,
  uses: ReadonlyMap<PlanBuffer, Uses>,
): boolean {
  const between = (position: number): boolean => position > from && position < to;
  return readsOf(op, call).every((view) => !uses.get(bufferOf(view))!.writers.some(between)) &&
    writesOf(op, call).every((view) => {
      const { readers, writers } = uses.get(bufferOf(view))!;
      return !readers.some(between) && !writers.some(between);
    });
}

/** The steps whose results are needed. */
export function withoutDead(steps: readonly Step[], output: View): Step[] {
  const needed = new Set<PlanBuffer>([bufferOf(output)]);
  const kept: Step[] = [];
  for (let i = steps.length - 1; i >= 0; i--) {
    const { op, call } = steps[i];
    if (!writesOf(op, call).some((view) => needed.has(bufferOf(view)))) continue;
    for (const view of readsOf(op, call)) needed.add(bufferOf(view));
    kept.push(steps[i]);
  }
  return kept.reverse();
}
