// Convolutions whose operands have more elements than cuDNN counts, with a limit far below the real one, on the emulator: in parts they are
// what they are whole, whatever the layouts. And what a recording does that needs another algorithm.
// covers: backends/cuda/convolution.ts

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Convolutions } from "../../../backends/cuda/convolution.ts";
import type { ConvolutionDirection } from "../../../backends/cuda/cudnn.ts";
import type { ConvolutionCall, View } from "../../../src/tensor/backend.ts";
import { convolutionGeometry, type ConvolutionOptions } from "../../../src/tensor/conv_geometry.ts";
import { ShapeError } from "../../../src/tensor/errors.ts";
import { elementCount } from "../../../src/tensor/layout.ts";
import { test } from "../../support/test.ts";
import { noEmulator, startDevice, type TestDevice } from "./kernels/device.ts";

const onEmulator = (name: string, fn: () => Promise<void>) =>
  test.runIf(noEmulator === undefined, name, noEmulator ?? "", fn);

const RESULTS = { forward: "output", inputGradient: "input", weightGradient: "weight" } as const;

function convolutions({ system, operations }: TestDevice, changes: object = {}): Convolutions {
  const { cudnn, precision, workspaceLimit } = system, { copy, map } = operations;
  const made = new Convolutions({
    ...{ context: system, cudnn, precision, benchmark: false, workspaceLimit, copy, map },
    ...changes,
  });
  system.onDispose(() => made.dispose());
  return made;
}

/** A convolution of small integers, whose sums are exact. */
function problem(
  device: TestDevice,
  inputShape: readonly number[],
  weightShape: readonly number[],
  options: ConvolutionOptions,
): ConvolutionCall {
  const geometry = convolutionGeometry(inputShape, weightShape, options);
  const made = (shape: readonly number[], step: number): View =>
    device.upload(Float32Array.from({ length: elementCount(shape) }, (_, i) => (step * i) % 7 - 3), shape);
  const output = made([inputShape[0], weightShape[0], ...geometry.outputSize], 5);
  return { geometry, input: made(inputShape, 2), weight: made(weightShape, 3), output };
}

/** What a direction gives, into a new view like the one that the call has. */
function run(
  device: TestDevice,
  subject: Convolutions,
  direction: ConvolutionDirection,
  call: ConvolutionCall,
): number[] {
  const name = RESULTS[direction], { shape, strides } = call[name];
  const extent = 1 + shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis], 0);
  const result = { ...device.upload(new Float32Array(extent).fill(99), [extent]), shape, strides };
  subject.run(direction, { ...call, [name]: result });
  return [...device.read(result)];
}

onEmulator("A batch with too many elements is convolved in parts: forward and both gradients", async () => {
  using device = await startDevice();
  const whole = convolutions(device);
  const calls = [
    // 36 elements of a sample: parts of four samples, the last of three. An odd plane leaves parts unaligned.
    problem(device, [7, 1, 5, 5], [4, 1, 3, 3], {}),
    problem(device, [7, 4, 6], [2, 2, 3], { groups: 2, padding: [[2, 1]], stride: 2 }),
    problem(device, [3, 1, 3, 4, 3], [2, 1, 2, 2, 2], { padding: 1 }),
  ];
  const { weight } = calls[0];
  // A weight that is not dense: the sum over parts comes through a dense copy.
  calls.push({
    ...calls[0],
    weight: {
      ...weight,
      ...device.upload(new Float32Array(72), [4, 1, 3, 6]),
      shape: weight.shape,
      strides: [18, 18, 6, 2],
    },
  });
  for (const call of calls) {
    for (const mostElements of [1000, 320, 160]) {
      const parts = convolutions(device, { mostElements });
      for (const direction of ["forward", "inputGradient", "weightGradient"] as const) {
        assertEquals(
          run(device, parts, direction, call),
          run(device, whole, direction, call),
          `${direction} ${call.input.shape} ${mostElements}`,
        );
      }
    }
  }
});

onEmulator("The library sees no operand of more elements than it counts", async () => {
  using device = await startDevice();
  const call = problem(device, [7, 1, 5, 5], [4, 1, 3, 3], {});
  const calls = () => device.emulator.calls("cudnnConvolutionForward");
  const before = calls();
  run(device, convolutions(device, { mostElements: 150 }), "forward", call);
  assertEquals(calls() - before, 2);
  run(device, convolutions(device, { mostElements: 72 }), "forward", call);
  assertEquals(calls() - before, 2 + 4);
  const few = convolutions(device, { mostElements: 35 });
  const error = assertThrows(() => few.run("forward", call), ShapeError, "at most 35 elements");
  assert(error.message.includes("got 36"), error.message);
});

onEmulator("A batch of more samples than a grid has along its second axis is convolved in parts", async () => {
  using device = await startDevice();
  const call = problem(device, [65537, 1, 2], [1, 1, 1], {});
  const subject = convolutions(device);
  const before = device.emulator.calls("cudnnConvolutionForward");
  const [factor] = device.read(call.weight), input = [...device.read(call.input)], output = device.read(call.output);
  assertEquals(run(device, subject, "forward", call), input.map((value) => value * factor));
  assertEquals(device.emulator.calls("cudnnConvolutionForward") - before, 2);
  const [gradient] = run(device, subject, "weightGradient", call);
  assertEquals(gradient, input.reduce((sum, value, i) => sum + value * output[i], 0));
});

onEmulator("Algorithms are not timed while work is recorded", async () => {
  using device = await startDevice();
  let recording = false;
  const timed = convolutions(device, { benchmark: true, isRecording: () => recording });
  const call = problem(device, [2, 1, 5, 5], [4, 1, 3, 3], {});
  const searches = () => device.emulator.calls("cudnnFindConvolutionForwardAlgorithmEx");
  const before = searches();
  const expected = run(device, timed, "forward", call);
  assertEquals(searches() - before, 1);
  // As when so many other shapes came that this one's plan is gone.
  timed.dispose();
  const { recorder } = device.system;
  let forget = false;
  const recorded = recorder.record(() => {
    if (forget) timed.dispose();
    recording = recorder.isRecording;
    timed.run("forward", call);
    forget = true;
  });
  assertEquals(searches() - before, 2);
  recorded.run();
  assertEquals([...device.read(call.output)], expected);
  recorded.dispose();
});
