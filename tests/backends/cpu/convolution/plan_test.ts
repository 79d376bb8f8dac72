// covers: backends/cpu/convolution/plan.ts, backends/cpu/convolution/correlation.ts, backends/cpu/convolution/tables.ts
// The pure part of convolutions: the correlations that passes become, the rows and columns that taps meet, and the pieces.

import { assert, assertEquals } from "@std/assert";
import {
  type Correlation,
  type CorrelationAxis,
  forwardCorrelation,
  gradientPhases,
  inputGradientCorrelations,
} from "../../../../backends/cpu/convolution/correlation.ts";
import { evenParts, isPointwise, planCorrelation, rowSpan } from "../../../../backends/cpu/convolution/plan.ts";
import { inputColumns, inputRows, wideColumns } from "../../../../backends/cpu/convolution/tables.ts";
import type { ConvolutionCall, View } from "../../../../src/tensor/backend.ts";
import { convolutionGeometry, type ConvolutionOptions } from "../../../../src/tensor/conv_geometry.ts";
import { contiguousStrides } from "../../../../src/tensor/layout.ts";
import { test } from "../../../support/test.ts";

function view(shape: readonly number[]): View {
  return { buffer: { bytes: 0 }, dtype: "float32", shape, strides: contiguousStrides(shape), offset: 0 };
}

function call(input: number[], weight: number[], options: ConvolutionOptions = {}): ConvolutionCall {
  const geometry = convolutionGeometry(input, weight, options);
  const output = view([geometry.batch, geometry.outChannels, ...geometry.outputSize]);
  return { geometry, input: view(input), weight: view(weight), output };
}

function forward(input: number[], weight: number[], options: ConvolutionOptions = {}): Correlation {
  return forwardCorrelation(call(input, weight, options), () => 0);
}

test("gradientPhases lists each pair of input and output position that a tap joins exactly once", () => {
  for (const stride of [1, 2, 3]) {
    for (const step of [1, 2, 3]) {
      for (const taps of [1, 2, 3, 5]) {
        for (const pad of [0, 1, 4]) {
          const inputs = 13;
          const outputs = Math.floor((inputs + 2 * pad - step * (taps - 1) - 1) / stride) + 1;
          if (outputs < 1) continue;
          const axis: CorrelationAxis = { outputs, inputs, taps, start: -pad, stride, step };
          const expected = new Set<string>();
          for (let p = 0; p < outputs; p++) {
            for (let t = 0; t < taps; t++) {
              const i = p * stride + t * step - pad;
              if (i >= 0 && i < inputs) expected.add(`${i} ${p} ${t}`);
            }
          }
          const found: string[] = [];
          for (const { axis: own, firstInput, firstTap, tapStep } of gradientPhases(axis)) {
            for (let j = 0; j < own.outputs; j++) {
              for (let t = 0; t < own.taps; t++) {
                const p = own.start + j * own.stride + t * own.step;
                if (p >= 0 && p < own.inputs) found.push(`${firstInput + j * stride} ${p} ${firstTap + t * tapStep}`);
              }
            }
          }
          assertEquals(found.length, expected.size, `stride ${stride}, step ${step}, ${taps} taps, pad ${pad}`);
          assertEquals(new Set(found), expected);
        }
      }
    }
  }
});

test("inputGradientCorrelations has one problem without a stride and one for each residue with one", () => {
  assertEquals(inputGradientCorrelations(call([2, 3, 8, 8], [4, 3, 3, 3], { padding: 1 }), () => 0).length, 1);
  const problems = inputGradientCorrelations(call([2, 3, 8, 8], [4, 3, 3, 3], { padding: 1, stride: 2 }), () => 0);
  assertEquals(problems.map(({ axes }) => axes.map((axis) => axis.taps)), [[1, 1, 1], [1, 1, 2], [1, 2, 1], [1, 2, 2]]);
  const pixels = problems.map(({ axes }) => axes.reduce((product, axis) => product * axis.outputs, 1));
  assertEquals(pixels, [16, 16, 16, 16]);
  // The addresses are in bytes: the second problem writes every second column from column 1 on, from tap 0.
  assertEquals([problems[1].output.pointer, problems[0].weight.pointer], [4, 4 * (3 + 1)]);
  assertEquals(problems[1].output.space, [0, 16, 2]);
});

test("inputRows puts the rows of each residue of the stride side by side, and taps begin where their rows are", () => {
  for (const stride of [1, 2, 3]) {
    for (const step of [-2, -1, 1, 2, 3]) {
      const axis = { outputs: 9, inputs: 100, taps: 4, start: 5, stride, step };
      const { rows, tapRows } = inputRows(axis, 2, 3);
      for (let tap = 0; tap < 4; tap++) {
        for (let i = 0; i < 3; i++) assertEquals(rows[tapRows[tap] + i], 5 + (2 + i) * stride + tap * step);
      }
      assertEquals(new Set(rows).size, rows.length, `no row twice: stride ${stride}, step ${step}`);
    }
  }
  assertEquals(inputRows({ outputs: 3, inputs: 5, taps: 3, start: -1, stride: 1, step: 1 }, 0, 3), {
    rows: [-1, 0, 1, 2, 3],
    tapRows: [0, 1, 2],
  });
});

test("inputColumns counts zeros before and copied elements", () => {
  const axis = { outputs: 6, inputs: 6, taps: 5, start: -2, stride: 1, step: 1 };
  assertEquals([0, 1, 2, 3, 4].map((tap) => inputColumns(axis, tap)), [
    [2, 4, 0],
    [1, 5, 0],
    [0, 6, 0],
    [0, 5, 1],
    [0, 4, 2],
  ]);
  assertEquals(inputColumns({ outputs: 4, inputs: 7, taps: 1, start: -3, stride: 2, step: 1 }, 0), [2, 2, 1]);
  assertEquals(inputColumns({ outputs: 2, inputs: 3, taps: 1, start: 8, stride: 1, step: 1 }, 0), [0, 0, 8]);
  assertEquals(inputColumns({ outputs: 2, inputs: 3, taps: 1, start: -9, stride: 1, step: 1 }, 0)[1], 0);
});

test("wideColumns makes one copy for each residue that a tap has", () => {
  assertEquals(wideColumns({ outputs: 6, inputs: 6, taps: 5, start: -2, stride: 1, step: 1 }), {
    origins: [-2],
    copyOf: [0, 0, 0, 0, 0],
    shifts: [0, 1, 2, 3, 4],
    width: 10,
  });
  assertEquals(wideColumns({ outputs: 6, inputs: 12, taps: 3, start: 0, stride: 2, step: 1 }), {
    origins: [0, 1],
    copyOf: [0, 1, 0],
    shifts: [0, 0, 1],
    width: 7,
  });
  assertEquals(wideColumns({ outputs: 6, inputs: 12, taps: 3, start: 2, stride: 1, step: -1 }).shifts, [2, 1, 0]);
});

test("planCorrelation picks the method by shape", () => {
  const method = (input: number[], weight: number[], options: ConvolutionOptions = {}, forWeights = false) =>
    planCorrelation(forward(input, weight, options), forWeights).method;
  assertEquals(method([64, 64, 29, 29], [64, 64, 5, 5], { padding: 2 }), "rows");
  assertEquals(method([16, 3, 32, 32], [80, 3, 5, 5], { padding: 2 }), "unfold");
  assertEquals(method([16, 64, 29, 29], [64, 64, 1, 1]), "pointwise");
  assertEquals(method([16, 64, 29, 29], [64, 64, 1, 1], { padding: 1 }), "rows");
  assertEquals(method([16, 64, 29, 29], [64, 1, 5, 5], { groups: 64 }), "wide");
  assertEquals(method([16, 64, 29, 29], [64, 1, 5, 5], { groups: 64 }, true), "thin");
  assertEquals(isPointwise(forward([1, 4, 5, 5], [8, 4, 1, 1], { stride: 2 })), false);
});

test("planCorrelation keeps columns below 1 MiB and makes 8 pieces where the image is large enough", () => {
  const shapes: [number[], number[], ConvolutionOptions][] = [
    [[64, 64, 29, 29], [64, 64, 5, 5], { padding: 2 }],
    [[16, 128, 29, 29], [128, 128, 7, 7], { padding: 3 }],
    [[4, 64, 96, 96], [64, 64, 3, 3], { padding: 1 }],
    [[2, 48, 17, 17, 17], [48, 48, 5, 5, 5], { padding: 2 }],
    [[1, 64, 200, 200], [64, 64, 3, 3], { stride: 2 }],
    [[64, 128, 7, 7], [128, 128, 3, 3], { padding: 1 }],
    [[16, 64, 1000], [64, 64, 7], {}],
  ];
  for (const [input, weight, options] of shapes) {
    const problem = forward(input, weight, options);
    const { samples, depths, rows, channels } = planCorrelation(problem, false);
    const [z, y, x] = problem.axes;
    const columns = channels * z.taps * x.taps * rowSpan(problem, rows) * samples * depths * x.outputs * 4;
    assert(columns <= 1 << 20, `${input}: ${columns} bytes`);
    const pieces = Math.ceil(problem.batch / samples) * Math.ceil(z.outputs / depths) * Math.ceil(y.outputs / rows);
    assert(pieces >= 8, `${input}: ${pieces} pieces`);
    assert(samples === 1 || depths === z.outputs, "several samples only with all depths");
  }
});

test("evenParts divides into parts that differ by at most one step", () => {
  assertEquals([evenParts(10, 4), evenParts(10, 3.9), evenParts(10, 0.5), evenParts(3, 99), evenParts(0, 5)], [
    4,
    3,
    1,
    3,
    1,
  ]);
});
