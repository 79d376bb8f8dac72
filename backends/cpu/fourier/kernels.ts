/** The compiled kernels of tiles, made on first use for each size of transform and filter. */

import type { Kernel } from "../context.ts";
import type { ConvolutionKernels } from "../convolution/kernels.ts";
import { buildFilterGradientModule, buildFilterModule } from "./filter_kernels.ts";
import { buildOutputModule } from "./output_kernel.ts";
import { buildTileModule } from "./tile_kernel.ts";

/** The kernels of a context. */
export class FourierKernels {
  /** What other convolutions use. */
  readonly base: ConvolutionKernels;
  readonly #kernels = new Map<string, Kernel>();

  /** Compiles nothing yet. */
  constructor(base: ConvolutionKernels) {
    this.base = base;
  }

  /** The kernel of `tile_kernel.ts`. */
  tiles(n: number, step: number, span: number): Kernel {
    return this.#kernel("tiles", [n, step, span], (fused, shared) => buildTileModule(n, step, span, fused, shared));
  }

  /** The kernel of `output_kernel.ts`. */
  output(n: number, step: number): Kernel {
    return this.#kernel("output", [n, step], (fused, shared) => buildOutputModule(n, step, fused, shared));
  }

  /** The kernel that transforms filters. */
  filter(n: number, taps: number): Kernel {
    return this.#kernel("filter", [n, taps], (fused, shared) => buildFilterModule(n, taps, fused, shared));
  }

  /** The kernel that brings their gradients back. */
  filterGradient(n: number, taps: number): Kernel {
    const build = (fused: boolean, shared: boolean) => buildFilterGradientModule(n, taps, fused, shared);
    return this.#kernel("filterGradient", [n, taps], build);
  }

  #kernel(name: string, sizes: readonly number[], build: (fused: boolean, shared: boolean) => Uint8Array): Kernel {
    const key = `${name} ${sizes}`;
    const known = this.#kernels.get(key);
    if (known !== undefined) return known;
    const { executor, features, heap, store } = this.base.context;
    const module = store.module(`fourier ${key}`, [], () => build(features.relaxedSimd, heap.shared));
    const [kernel] = executor.register(module, [name]);
    this.#kernels.set(key, kernel);
    return kernel;
  }
}
