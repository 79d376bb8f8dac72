/**
 * State dicts: the parameters and buffers of a module by name, with the version of the conventions that give them their
 * meaning. The same in train and eval mode, on every backend; derived tensors such as expanded filters are never in it.
 */

import type { Tensor } from "../../tensor/mod.ts";

/**
 * The version of the meaning of weights: bases, their order, signs and normalization. A state dict of another version would
 * load without complaint into something else, so loading checks it.
 */
export const STATE_CONVENTION = 1;

/** Parameters and buffers by name. The tensors are the module's own: clone them for a snapshot. */
export interface StateDict {
  /** The {@linkcode STATE_CONVENTION} under which it was made. */
  readonly convention: number;
  /** Tensors by their dotted name, e.g. `block1.0.weights`, in the order of registration. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}
