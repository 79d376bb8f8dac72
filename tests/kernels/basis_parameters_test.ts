// Default rings, widths and cut-offs of kernels and what they refuse.

import { assertEquals, assertThrows } from "@std/assert";
import {
  convolutionParameters,
  gridCoordinates,
  KernelError,
  pointConvolutionParameters,
} from "../../src/kernels/mod.ts";
import { test } from "../support/test.ts";

test("convolutionParameters: the reference's table of rings, widths and cut-offs in two dimensions", () => {
  const cutoffs = [1, 3, 5, 7, 9, 11].map((kernelSize) => convolutionParameters(2, { kernelSize }).cutoffs);
  assertEquals(cutoffs, [[0], [0, 2], [0, 2, 2], [0, 2, 3, 2], [0, 2, 3, 6, 2], [0, 2, 3, 6, 7, 2]]);
  const { rings, maximumFrequency } = convolutionParameters(2, { kernelSize: 7 });
  assertEquals(rings.map((r) => r.radius), [0, 1, 2, 3]);
  assertEquals(rings.map((r) => r.sigma), [0.005, 0.6, 0.6, 0.4]);
  assertEquals(maximumFrequency, 3);
});

test("convolutionParameters: the reference's cut-offs in three dimensions, by name or number", () => {
  assertEquals(convolutionParameters(3, { kernelSize: 9 }).cutoffs, [0, 2, 4, 3, 2]);
  assertEquals(
    convolutionParameters(3, { kernelSize: 9, frequenciesCutoff: "default1" }).cutoffs,
    convolutionParameters(3, { kernelSize: 9, frequenciesCutoff: -1 }).cutoffs,
  );
  assertEquals(convolutionParameters(3, { kernelSize: 5, frequenciesCutoff: "default3" }).cutoffs, [0, 2, 1]);
});

test("convolutionParameters: rings, widths and cut-offs that are given are taken as they are", () => {
  const got = convolutionParameters(2, {
    kernelSize: 5,
    rings: [0.5, 2],
    sigma: [0.3, 0.7],
    frequenciesCutoff: (r) => r < 1 ? -2 : 3.5,
  });
  assertEquals(got.rings, [{ radius: 0.5, sigma: 0.3 }, { radius: 2, sigma: 0.7 }]);
  assertEquals(got.cutoffs, [-1, 3]);
  assertEquals(got.maximumFrequency, 3);
  assertEquals(convolutionParameters(2, { kernelSize: 3, frequenciesCutoff: 1.5 }).cutoffs, [0, 1]);
  assertEquals(convolutionParameters(2, { kernelSize: 3, dilation: 2 }).rings.map((r) => r.radius), [0, 2]);
});

test("convolutionParameters refuses what makes no sense and says what would", () => {
  assertThrows(
    () => convolutionParameters(2, { kernelSize: 0 }),
    KernelError,
    "kernelSize to be an integer of 1 or more",
  );
  assertThrows(() => convolutionParameters(2, { kernelSize: 3, dilation: 0.5 }), KernelError, "dilation");
  assertThrows(() => convolutionParameters(2, { kernelSize: 3, sigma: [1] }), KernelError, "2 rings and 1 sigmas");
  assertThrows(() => convolutionParameters(2, { kernelSize: 3, sigma: -1 }), KernelError, "positive sigmas");
  assertThrows(() => convolutionParameters(2, { kernelSize: 3, frequenciesCutoff: -4 }), KernelError, "got -4");
  assertThrows(() => convolutionParameters(2, { kernelSize: 3, rings: [] }), KernelError, "at least one ring");
});

test("pointConvolutionParameters: rings over a width, cut-offs of 3r", () => {
  const got = pointConvolutionParameters({ width: 2, ringCount: 3 });
  assertEquals(got.rings.map((r) => r.radius), [0, 1, 2]);
  assertEquals(got.cutoffs, [0, 3, 6]);
  assertEquals(pointConvolutionParameters({ rings: [1], frequenciesCutoff: 1 }).cutoffs, [1]);
  assertThrows(() => pointConvolutionParameters({ width: 2 }), KernelError, "ringCount");
});

test("gridCoordinates: x along the last axis, y along the one before it downwards", () => {
  assertEquals([...gridCoordinates([2, 3])], [-1, 0.5, 0, 0.5, 1, 0.5, -1, -0.5, 0, -0.5, 1, -0.5]);
  assertEquals([...gridCoordinates([1, 3], 2)], [-2, 0, 0, 0, 2, 0]);
  assertEquals([...gridCoordinates([2, 1, 1])], [0, 0, 0.5, 0, 0, -0.5]);
});
