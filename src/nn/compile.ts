/**
 * Compilation of a trained network for inference: one recorded forward pass becomes a fixed list of fused calls in memory that is planned
 * ahead. The compiler is loaded when it is first asked for.
 */

import type { Backend } from "../tensor/backend.ts";
import type { FloatDType } from "../tensor/dtype.ts";
import type { Shape } from "../tensor/layout.ts";
import type { Tensor } from "../tensor/mod.ts";
import type { AnalyzableModule } from "./analyze.ts";
import type { CompiledNetwork } from "./compile/compiled_network.ts";
import type { FieldType } from "./field_type.ts";

/** A network that can be compiled: a module with a `forward` from one input to one output, equivariant, plain or your own. */
export type CompilableModule = AnalyzableModule;

/** Options of {@linkcode compile}. */
export interface CompileOptions {
  /** The type of the input where `forward` takes a geometric tensor. Default: the model's `inType`, if it has one. */
  readonly inType?: FieldType;
  /** The element type of inputs. Default: that of the model's weights. */
  readonly dtype?: FloatDType;
  /** Where it runs; the model must live there. Default: where the model lives. */
  readonly backend?: Backend;
  /** Calls the network in the place of `model.forward(input)`: for networks of several inputs or outputs, of which it picks one. */
  readonly run?: (input: Tensor) => unknown;
  /**
   * Chains of products and elementwise work (functions on a group that are sampled, changed and analyzed) whose intermediate results are
   * large run piece by piece, with this many bytes of them at once. Default: 1 MiB on cpu, `Infinity` (all at once) elsewhere.
   */
  readonly tileBytes?: number;
  /** Whether a run is compared with the network's result for the same numbers. Default true. */
  readonly verify?: boolean;
}

/**
 * Makes an inference plan of a trained network for inputs of one shape. The network runs in eval mode on made-up numbers while its
 * backend is watched; what does not depend on the input (expanded filters, prepared weights, scales) is computed once, the rest becomes a
 * list of calls without tape or allocation: elementwise work, normalizations, small reductions and changes of basis between two
 * convolutions are one pass each, in place where possible, and all results share one buffer. Convolutions keep the plan that their
 * layers choose for the shape; what follows one by the harmonic or structured plan and treats positions by themselves (a bias, a
 * non-linearity, a change of basis) is computed on each part of its result before that leaves the cache, where the backend can. The result is compared with the network's. Mode and state of the network are as before afterwards, and
 * the compiled network has weights of its own.
 *
 * @param model A module that gives one tensor or geometric tensor.
 * @param inputShape Shape of inputs, the batch included.
 * @throws CompileError where a forward pass does what cannot be repeated without the network: reading results, drawing random
 *   numbers, changing state; it names the module. ShapeError for a shape without elements. BackendMismatchError where the model does not
 *   live on one backend, or not on that of the options. What the network throws for inputs of this shape.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { compile, FieldType, gspaces, InnerBatchNorm, R2Conv, randn, ReLU, SequentialModule, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.rot2dOnR2(4);
 * const grey = new FieldType(space, space.trivialRepr), fields = new FieldType(space, space.regularRepr, 2);
 * const model = new SequentialModule(new R2Conv(grey, fields, 3), new InnerBatchNorm(fields), new ReLU(fields));
 * using network = await compile(model, [2, 1, 9, 9]);
 * assertEquals(network.run(randn([2, 1, 9, 9])).shape, [2, 8, 7, 7]);
 * // The convolution, with all that follows it.
 * assertEquals(network.describe().steps.length, 1);
 * ```
 */
export async function compile(
  model: CompilableModule,
  inputShape: Shape,
  options: CompileOptions = {},
): Promise<CompiledNetwork> {
  const { build } = await import("./compile/build.ts");
  return await build(model, inputShape, options);
}
