// A running cuda system on the emulator for tests of single operations, as a backend some of whose methods are replaced.

import { whyNoEmulator } from "../../../../backends/cuda/emulator/build.ts";
import { Emulator } from "../../../../backends/cuda/emulator/control.ts";
import { createSystem, type CudaSystem } from "../../../../backends/cuda/create_context.ts";
import { createOperations, type Operations } from "../../../../backends/cuda/operations.ts";
import type { Backend, View } from "../../../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, dtypeOf, type TypedArray } from "../../../../src/tensor/dtype.ts";
import { contiguousStrides, elementCount, type Shape } from "../../../../src/tensor/layout.ts";

/** Why tests on the emulator are skipped; `undefined` where they run. */
export const noEmulator: string | undefined = await whyNoEmulator();

/** A system with its operations. */
export interface TestDevice extends Disposable {
  /** The emulator under it. */
  readonly emulator: Emulator;
  /** The system. */
  readonly system: CudaSystem;
  /** Its operations. */
  readonly operations: Operations;
  /** A row-major view of new memory with these elements. */
  upload(data: TypedArray, shape?: Shape): View;
  /** The elements of a view. */
  read(view: View): TypedArray;
  /** A backend with some methods replaced. */
  backend(changes: Partial<Backend>): Backend;
}

/** Starts a system on the emulator. */
export async function startDevice(): Promise<TestDevice> {
  const emulator = await Emulator.start();
  const system = await createSystem({});
  const operations = createOperations(system);
  const upload = (data: TypedArray, shape: Shape = [data.length]): View => {
    const dtype = dtypeOf(data);
    const buffer = system.allocator.allocate(elementCount(shape) * BYTES_PER_ELEMENT[dtype]);
    const view = { buffer, dtype, shape, strides: contiguousStrides(shape), offset: 0 };
    operations.write(view, data);
    return view;
  };
  const read = (view: View): TypedArray => operations.read(view);
  return {
    emulator,
    system,
    operations,
    upload,
    read,
    backend: (changes) =>
      ({
        ...operations,
        name: "cuda",
        canReadSync: true,
        allocate: (bytes: number) => system.allocator.allocate(bytes),
        free: (buffer) => system.allocator.free(buffer),
        read: (view) => Promise.resolve(read(view)),
        readSync: read,
        convolution: (call) => operations.convolution("forward", call),
        convolutionInputGradient: (call) => operations.convolution("inputGradient", call),
        convolutionWeightGradient: (call) => operations.convolution("weightGradient", call),
        synchronize: () => Promise.resolve(),
        memory: () => system.allocator.memory(),
        info: () => ({ name: "cuda", description: "a test", details: {} }),
        dispose: () => system.dispose(),
        ...changes,
      }) satisfies Backend,
    [Symbol.dispose]: () => system.dispose(),
  };
}
