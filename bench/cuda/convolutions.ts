/**
 * Dense convolutions on a GPU: the time of the backend's calls against the time that cuDNN itself measures for its fastest algorithm in the
 * same arithmetic, for shapes of the benchmarks' networks.
 */

import { createSystem } from "../../backends/cuda/create_context.ts";
import { type ConvolutionDirection, CUDNN_MATH } from "../../backends/cuda/cudnn.ts";
import { createBackend } from "../../backends/cuda/mod.ts";
import type { Backend, View } from "../../src/tensor/backend.ts";
import { type ConvolutionGeometry, convolutionGeometry } from "../../src/tensor/conv_geometry.ts";
import { contiguousStrides, elementCount } from "../../src/tensor/layout.ts";
import { median, type Row } from "../peers/figures.ts";

/** A shape. */
interface Shape {
  readonly name: string;
  readonly input: readonly number[];
  readonly weight: readonly number[];
  readonly padding: number;
}

const SHAPES: readonly Shape[] = [
  { name: "64→64, 5×5 on 29×29, batch 64", input: [64, 64, 29, 29], weight: [64, 64, 5, 5], padding: 2 },
  { name: "192→384, 5×5 on 29×29, batch 64", input: [64, 192, 29, 29], weight: [384, 192, 5, 5], padding: 2 },
  { name: "64→64, 3×3 on 96×96, batch 4", input: [4, 64, 96, 96], weight: [64, 64, 3, 3], padding: 1 },
  { name: "48→48, 5×5×5 on 17×17×17, batch 2", input: [2, 48, 17, 17, 17], weight: [48, 48, 5, 5, 5], padding: 2 },
];

const METHODS = {
  forward: "convolution",
  inputGradient: "convolutionInputGradient",
  weightGradient: "convolutionWeightGradient",
} as const satisfies { readonly [D in ConvolutionDirection]: keyof Backend };

/** Most workspace that an algorithm gets when cuDNN measures. */
const WORKSPACE = 256 << 20;

function operands(allocate: (bytes: number) => View["buffer"], geometry: ConvolutionGeometry, shape: Shape) {
  const view = (sizes: readonly number[]): View => {
    const buffer = allocate(4 * elementCount(sizes));
    return { buffer, dtype: "float32", shape: sizes, strides: contiguousStrides(sizes), offset: 0 };
  };
  const output = view([shape.input[0], shape.weight[0], ...geometry.outputSize]);
  return { input: view(shape.input), weight: view(shape.weight), output };
}

/** Seconds of a call: the median of five rounds of many calls that end with a wait. */
async function timeCalls(backend: Backend, call: () => void, seconds: number): Promise<number> {
  const round = async (calls: number): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < calls; i++) call();
    await backend.synchronize();
    return (performance.now() - start) / 1000 / calls;
  };
  await round(3);
  const calls = Math.max(1, Math.min(200, Math.ceil(seconds / 5 / await round(3))));
  const times: number[] = [];
  for (let i = 0; i < 5; i++) times.push(await round(calls));
  return median(times);
}

/** One row for each shape and direction whose name `isWanted`. */
export async function compareConvolutions(
  isWanted: (name: string) => boolean,
  { seconds, tf32 }: { readonly seconds: number; readonly tf32: boolean },
): Promise<Row[]> {
  const names = SHAPES.flatMap(({ name }) => Object.keys(METHODS).map((direction) => `conv ${name}/${direction}`));
  if (!names.some(isWanted)) return [];
  const precision = tf32 ? "tf32" : "float32";
  const backend = await createBackend({ benchmark: true, precision });
  const system = await createSystem({ precision });
  const rows: Row[] = [];
  try {
    for (const shape of SHAPES) {
      const geometry = convolutionGeometry(shape.input, shape.weight, { padding: shape.padding });
      for (const direction of Object.keys(METHODS) as ConvolutionDirection[]) {
        const work = `conv ${shape.name}/${direction}`;
        if (!isWanted(work)) continue;
        const views = operands((bytes) => backend.allocate(bytes), geometry, shape);
        for (const view of Object.values(views)) {
          backend.write(view, new Float32Array(elementCount(view.shape)).fill(0.5));
        }
        const ours = await timeCalls(backend, () => backend[METHODS[direction]]({ geometry, ...views }), seconds);
        for (const { buffer } of Object.values(views)) backend.free(buffer);
        rows.push({ work, peer: "cuDNN", unit: "s", theirs: ownTime(system, direction, geometry, shape, tf32), ours });
      }
    }
  } finally {
    system.dispose();
    backend.dispose();
  }
  return rows;
}

/** Seconds of cuDNN's fastest algorithm by its own measurement. */
function ownTime(
  { allocator, cudnn }: Awaited<ReturnType<typeof createSystem>>,
  direction: ConvolutionDirection,
  geometry: ConvolutionGeometry,
  shape: Shape,
  tf32: boolean,
): number {
  const views = operands((bytes) => allocator.allocate(bytes), geometry, shape);
  const workspace = allocator.allocate(WORKSPACE);
  const math = tf32 ? CUDNN_MATH.default : CUDNN_MATH.fma;
  const sizes = {
    dtype: "float32",
    input: views.input.shape,
    weight: views.weight.shape,
    output: views.output.shape,
    padding: geometry.padBefore,
    stride: geometry.stride,
    dilation: geometry.dilation,
    groups: geometry.groups,
  } as const;
  const descriptors = cudnn.describe(sizes, math);
  try {
    const pointer = (view: View): number => (view.buffer as unknown as { readonly pointer: number }).pointer;
    const at = { input: pointer(views.input), weight: pointer(views.weight), output: pointer(views.output) };
    const results = cudnn.measureAlgorithms(direction, descriptors, at, {
      pointer: workspace.pointer,
      bytes: workspace.bytes,
    });
    const usable = results.filter((result) => result.status === 0 && (tf32 || result.math === CUDNN_MATH.fma));
    return Math.min(...usable.map(({ milliseconds }) => milliseconds)) / 1000;
  } finally {
    cudnn.release(descriptors);
    for (const { buffer } of Object.values(views)) allocator.free(buffer as typeof workspace);
    allocator.free(workspace);
  }
}
