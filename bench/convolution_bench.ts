/**
 * Convolution of the cpu backend, forward and both gradients, as `Backend.convolution…` does them, on all threads with OpenBLAS
 * where it is, else in WebAssembly; beside the run's sgemm peak of the same library. `ESCNN_OPENBLAS=off` measures WebAssembly
 * where OpenBLAS is installed. The first shapes are measured in the direct form too, which Fourier tiles are to beat: rates count the
 * multiplications of the direct form, so that tiles may exceed the peak.
 */

import { createBackend } from "../backends/cpu/mod.ts";
import { runtime } from "../src/runtime/mod.ts";
import type { Backend, ConvolutionCall, View } from "../src/tensor/backend.ts";
import { convolutionFlops, convolutionGeometry, type ConvolutionOptions } from "../src/tensor/conv_geometry.ts";
import { contiguousStrides, elementCount } from "../src/tensor/layout.ts";
import { peaks, peaksText } from "./peaks.ts";
import { rateBench } from "./rate.ts";

/** A shape: batch, channels in and out, filter and image sizes. */
interface Shape {
  readonly why: string;
  readonly batch: number;
  readonly channels: readonly [number, number];
  readonly kernel: readonly number[];
  readonly size: readonly number[];
  readonly options?: ConvolutionOptions;
  /** Whether the direct form is measured as well. */
  readonly compare?: boolean;
}

function square(why: string, batch: number, inputs: number, outputs: number, k: number, size: number): Shape {
  return { why, batch, channels: [inputs, outputs], kernel: [k, k], size: [size, size] };
}

/** Padding is half the filter where no option says otherwise, so that images keep their size. */
const SHAPES: readonly Shape[] = [
  { ...square("a middle layer of an equivariant network on digits", 64, 64, 64, 5, 29), compare: true },
  { ...square("the same with the smallest filter", 64, 64, 64, 3, 29), compare: true },
  { ...square("a large filter: steerable filters gain from size", 16, 128, 128, 7, 29), compare: true },
  { ...square("large images, small batch", 4, 64, 64, 3, 96), compare: true },
  square("a first layer: few channels, copies weigh most", 16, 3, 80, 5, 32),
  { why: "three dimensions", batch: 2, channels: [48, 48], kernel: [5, 5, 5], size: [17, 17, 17] },
  square("the demo's first layer: one channel", 64, 1, 80, 7, 29),
  square("the demo after its first pooling", 64, 80, 128, 5, 15),
  square("the demo's last layer: small images", 64, 128, 192, 5, 8),
  { ...square("a shortcut of a residual network", 64, 64, 64, 1, 29), options: {} },
  { ...square("a residual network going down", 64, 64, 64, 3, 28), options: { padding: 1, stride: 2 } },
  {
    ...square("antialiased pooling: depthwise with stride", 64, 128, 128, 5, 29),
    options: { padding: 2, stride: 2, groups: 128 },
  },
];

const PASSES = ["convolution", "convolutionInputGradient", "convolutionWeightGradient"] as const;

function view(backend: Backend, shape: readonly number[]): View {
  const count = elementCount(shape);
  const made = { buffer: backend.allocate(count * 4), dtype: "float32" as const, shape };
  const whole: View = { ...made, strides: contiguousStrides(shape), offset: 0 };
  backend.write(whole, Float32Array.from({ length: count }, (_, i) => ((i * 7919) % 997) / 997 - 0.5));
  return whole;
}

const found = await peaks();
console.log(peaksText(found));

const METHODS = ["auto", "direct"] as const;
type Method = (typeof METHODS)[number];

const started: Partial<Record<Method, Promise<Backend>>> = {};
const start = (convolution: Method): Promise<Backend> =>
  started[convolution] ??= createBackend({ startAfter: 0, convolution });

for (const { why, batch, channels: [inputs, outputs], kernel, size, options, compare } of SHAPES) {
  const chosen = options ?? { padding: Math.floor(kernel[0] / 2) };
  const input = [batch, inputs, ...size];
  const weight = [outputs, inputs / (chosen.groups ?? 1), ...kernel];
  const geometry = convolutionGeometry(input, weight, chosen);
  const calls: Partial<Record<Method, Promise<ConvolutionCall>>> = {};
  const prepareCall = async (method: Method): Promise<ConvolutionCall> => {
    const backend = await start(method);
    const output = view(backend, [batch, outputs, ...geometry.outputSize]);
    return { geometry, input: view(backend, input), weight: view(backend, weight), output };
  };
  for (const pass of PASSES) {
    for (const method of compare ? METHODS : METHODS.slice(0, 1)) {
      const form = method === "direct" ? ", direct" : "";
      rateBench({
        name: `${pass} (${batch}, ${inputs}, ${outputs}, ${kernel.join("×")}, ${size.join("×")})${form}`,
        group: `convolution, ${why}`,
        work: convolutionFlops(geometry),
        unit: "GFLOP/s",
        ceiling: (p) => runtime.env("ESCNN_OPENBLAS") === "off" ? p.webAssembly.all : (p.sgemm ?? p.webAssembly).all,
        prepare: async () => {
          const backend = await start(method);
          const shared = await (calls[method] ??= prepareCall(method));
          const run = () => backend[pass](shared);
          const { threads } = backend.info().details;
          const deadline = performance.now() + 5000;
          while (Number(backend.info().details.workersReady) < Number(threads) - 1 && performance.now() < deadline) {
            run();
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
          return run;
        },
      });
    }
  }
}
