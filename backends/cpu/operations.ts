/**
 * All operations of the cpu backend over one context. Each part gives its own; compiled kernels and plans live in its closure
 * and go with it.
 */

import type {
  GatherCall,
  MapCall,
  MapReduceCall,
  MatmulCall,
  SampledMapCall,
  ScatterAddCall,
  View,
} from "../../src/tensor/backend.ts";
import type { CpuContext } from "./context.ts";
import { type ConvolutionOperations, createConvolution } from "./convolution/mod.ts";
import { createCopy, createTransfers, type Transfers } from "./copy.ts";
import { createGather, createScatterAdd } from "./gather.ts";
import { Gemm } from "./gemm/gemm.ts";
import { createMap } from "./map.ts";
import { createMatmul } from "./matmul.ts";
import { createPool, type PoolOperations } from "./pool.ts";
import { createMapReduce } from "./reduce.ts";
import { createSampledMap } from "./sampled_map.ts";
import { createSeparable, type SeparableOperations } from "./separable/mod.ts";
import { createSteerable, type SteerableOperations } from "./steerable/mod.ts";

/** The operations of `Backend`, on views that have been checked. */
export interface Operations
  extends Transfers, ConvolutionOperations, PoolOperations, SeparableOperations, SteerableOperations {
  /** Copies elements between views of one shape and dtype. */
  copy(source: View, target: View): void;
  /** Elementwise computations. */
  map(call: MapCall): void;
  /** Reductions. */
  mapReduce(call: MapReduceCall): void;
  /** Batched matrix product. */
  matmul(call: MatmulCall): void;
  /** Functions of samples. */
  sampledMap(call: SampledMapCall): void;
  /** Selection along an axis. */
  gather(call: GatherCall): void;
  /** Its adjoint, accumulating. */
  scatterAdd(call: ScatterAddCall): void;
}

/** Makes the operations of a context. Kernels are compiled when they are first used. */
export function createOperations(context: CpuContext): Operations {
  const copy = createCopy(context);
  const gemm = new Gemm(context), map = createMap(context);
  return {
    ...createTransfers(context, copy),
    ...createConvolution(context, gemm),
    ...createPool(context),
    ...createSeparable(context),
    ...createSteerable(context, gemm, map),
    copy,
    map,
    mapReduce: createMapReduce(context),
    matmul: createMatmul(context, gemm),
    sampledMap: createSampledMap(context, gemm),
    gather: createGather(context),
    scatterAdd: createScatterAdd(context),
  };
}
