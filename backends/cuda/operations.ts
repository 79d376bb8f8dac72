/**
 * The operations of the cuda backend, joined from kernels of our own and from cuBLAS and cuDNN. Views are taken as checked.
 */

import type {
  AveragePoolCall,
  ConvolutionCall,
  GatherCall,
  MapCall,
  MapGroupCall,
  MapReduceCall,
  MatmulCall,
  MaxPoolCall,
  ScatterAddCall,
  SteerableConvolutionCall,
  View,
} from "../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, createTypedArray, type TypedArray } from "../../src/tensor/dtype.ts";
import { elementCount, isContiguous } from "../../src/tensor/layout.ts";
import { Convolutions } from "./convolution.ts";
import type { CudaSystem } from "./create_context.ts";
import type { ConvolutionDirection } from "./cudnn.ts";
import { pointerOf, scratchView } from "./kernels/bind.ts";
import { createGather } from "./kernels/gather.ts";
import { createCopy } from "./kernels/copy.ts";
import { createMap } from "./kernels/map.ts";
import { createMapGroup } from "./kernels/map_group.ts";
import { createPool } from "./kernels/pool.ts";
import { createMapReduce } from "./kernels/reduce.ts";
import { createScatterAdd } from "./kernels/scatter.ts";
import { createSteerable, type SteerableOperations } from "./kernels/steerable.ts";
import { createMatmul } from "./matmul.ts";

/** Scratch slot for the dense form of a view that is read or written. */
const TRANSFER_SLOT = 12;

/** What a backend does. */
export interface Operations extends SteerableOperations {
  write(target: View, data: TypedArray): void;
  read(source: View): TypedArray;
  copy(source: View, target: View): void;
  map(call: MapCall): void;
  mapGroup(call: MapGroupCall): void;
  mapReduce(call: MapReduceCall): void;
  matmul(call: MatmulCall): void;
  convolution(direction: ConvolutionDirection, call: ConvolutionCall): void;
  maxPool(call: MaxPoolCall): void;
  averagePool(call: AveragePoolCall): void;
  averagePoolGradient(call: AveragePoolCall): void;
  gather(call: GatherCall): void;
  scatterAdd(call: ScatterAddCall): void;
}

/** Makes the operations of a system, which disposes them with itself. */
export function createOperations(system: CudaSystem): Operations {
  const map = createMap(system);
  const copy = createCopy(system, map);
  const matmul = createMatmul({ context: system, cublas: system, copy, map });
  system.setMatmul(matmul);
  const { cudnn, precision, benchmark, workspaceLimit } = system;
  const mapReduce = createMapReduce(system);
  const isRecording = (): boolean => system.recorder.isRecording;
  const convolutions = new Convolutions({
    ...{ context: system, cudnn, precision, benchmark, workspaceLimit, copy, map, isRecording },
  });
  system.onDispose(() => convolutions.dispose());
  const steerable = createSteerable({
    context: system,
    matmul,
    map,
    mapReduce,
    upload: (target, bytes) => {
      // A graph would copy again, at each run, from pinned memory that something else is in by then.
      if (isRecording()) system.recorder.refuseWhileRecording("tables of a new plan");
      system.staging.upload(target, bytes);
    },
  });
  const byPlan = (call: SteerableConvolutionCall, run: (call: SteerableConvolutionCall) => void): void => {
    system.recorder.hold(call.plan);
    system.atPrecision(call.precision, () => run(call));
  };
  const dense = (view: View): View => {
    const bytes = elementCount(view.shape) * BYTES_PER_ELEMENT[view.dtype];
    return scratchView(system.scratch(bytes, TRANSFER_SLOT), view.dtype, view.shape);
  };
  return {
    write(target, data) {
      if (data.length === 0) return;
      const place = isContiguous(target) ? target : dense(target);
      system.staging.upload(pointerOf(place), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      if (place !== target) copy(place, target);
    },
    read(source) {
      const result = createTypedArray(source.dtype, elementCount(source.shape));
      if (result.length === 0) return result;
      let place = source;
      if (!isContiguous(source)) {
        place = dense(source);
        copy(source, place);
      }
      system.staging.download(new Uint8Array(result.buffer), pointerOf(place));
      return result;
    },
    copy,
    map,
    mapGroup: createMapGroup(system, map),
    mapReduce,
    matmul,
    convolution: (direction, call) => convolutions.run(direction, call),
    steerableConvolution: (call) => byPlan(call, steerable.steerableConvolution),
    steerableConvolutionInputGradient: (call) => byPlan(call, steerable.steerableConvolutionInputGradient),
    steerableConvolutionWeightGradient: (call) => byPlan(call, steerable.steerableConvolutionWeightGradient),
    ...createPool(system),
    gather: createGather(system),
    scatterAdd: createScatterAdd(system),
  };
}
