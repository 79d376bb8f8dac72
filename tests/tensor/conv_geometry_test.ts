// The geometry of convolutions: output sizes, padding by side, and shapes that do not fit.

import { assertEquals, assertThrows } from "@std/assert";
import { convolutionFlops, convolutionGeometry, perAxis, perSide } from "../../src/tensor/conv_geometry.ts";
import { ArgumentError, ShapeError } from "../../src/tensor/errors.ts";
import { test } from "../support/test.ts";

test("convolutionGeometry derives output sizes for 1, 2 and 3 spatial axes", () => {
  assertEquals(convolutionGeometry([2, 3, 10], [4, 3, 3]).outputSize, [8]);
  assertEquals(convolutionGeometry([2, 3, 29, 29], [4, 3, 5, 5], { padding: 2 }).outputSize, [29, 29]);
  assertEquals(convolutionGeometry([1, 1, 5, 6, 7], [1, 1, 1, 2, 3], { stride: [2, 2, 1] }).outputSize, [3, 3, 5]);
});

test("convolutionGeometry agrees with counting the windows that fit, for 600 geometries", () => {
  for (let size = 1; size <= 6; size++) {
    for (let kernel = 1; kernel <= 5; kernel++) {
      for (let stride = 1; stride <= 2; stride++) {
        for (let dilation = 1; dilation <= 2; dilation++) {
          for (const pad of [[0, 0], [1, 0], [0, 2], [2, 2], [1, 3]] as const) {
            let count = 0;
            const last = size + pad[0] + pad[1] - 1;
            for (let start = 0; start + dilation * (kernel - 1) <= last; start += stride) count++;
            const make = () => convolutionGeometry([1, 1, size], [1, 1, kernel], { stride, dilation, padding: [pad] });
            if (count === 0) assertThrows(make, ShapeError, "filter's reach");
            else assertEquals(make().outputSize, [count]);
          }
        }
      }
    }
  }
});

test("convolutionGeometry keeps all parameters, one for each axis", () => {
  assertEquals(
    convolutionGeometry([2, 4, 9, 8], [6, 2, 3, 2], {
      stride: 2,
      dilation: [1, 3],
      padding: [[1, 2], 0],
      groups: 2,
    }),
    {
      batch: 2,
      inChannels: 4,
      outChannels: 6,
      groups: 2,
      inputSize: [9, 8],
      kernelSize: [3, 2],
      outputSize: [5, 3],
      stride: [2, 2],
      dilation: [1, 3],
      padBefore: [1, 0],
      padAfter: [2, 0],
    },
  );
});

test("convolutionGeometry refuses ranks, channels and sizes that do not fit with ShapeError", () => {
  assertThrows(() => convolutionGeometry([1, 3], [4, 3]), ShapeError, "1 to 3 spatial axes, got [1, 3] and [4, 3]");
  assertThrows(() => convolutionGeometry([1, 3, 5, 5], [4, 3, 5]), ShapeError);
  assertThrows(
    () => convolutionGeometry([1, 3, 5], [4, 2, 3]),
    ShapeError,
    "for 3 input channels in 1 groups, got [4, 2, 3]",
  );
  assertThrows(
    () => convolutionGeometry([1, 4, 5], [3, 2, 3], { groups: 2 }),
    ShapeError,
    "a filter [multiple of 2, 2, …]",
  );
  assertThrows(
    () => convolutionGeometry([1, 1, 4], [1, 1, 3], { dilation: 2 }, "R2Conv"),
    ShapeError,
    "R2Conv: expected spatial sizes of at least the filter's reach 5 along axis 0 (with padding), got 4 + padding 0 + 0",
  );
  assertThrows(() => convolutionGeometry([1, 1, 4], [1, 1, 0]), ShapeError);
});

test("convolutionGeometry refuses options out of range with ArgumentError", () => {
  const make = (options: Parameters<typeof convolutionGeometry>[2]) => () =>
    convolutionGeometry([1, 2, 5, 5], [2, 2, 3, 3], options);
  assertThrows(make({ stride: 0 }), ArgumentError, "stride as an integer of at least 1, or 2 of them, got 0");
  assertThrows(make({ stride: [1] }), ArgumentError, "got [1]");
  assertThrows(make({ dilation: 1.5 }), ArgumentError, "dilation");
  assertThrows(make({ padding: -1 }), ArgumentError, "padding as a non-negative integer");
  assertThrows(make({ padding: [[0, 1]] }), ArgumentError, "2 pairs [before, after], got [[0,1]]");
  assertThrows(make({ groups: 0 }), ArgumentError, "groups as a positive integer, got 0");
});

test("perAxis and perSide repeat a single number", () => {
  assertEquals(perAxis(3, 2, "stride", 1, "test"), [3, 3]);
  assertEquals(perAxis([1, 2], 2, "stride", 1, "test"), [1, 2]);
  assertEquals(perSide(1, 2, "test"), [[1, 1], [1, 1]]);
  assertEquals(perSide([1, [2, 3]], 2, "test"), [[1, 1], [2, 3]]);
});

test("convolutionFlops counts two operations for each product", () => {
  // 2 · 64 samples · 64 · 64 channels · 25 taps · 25² outputs.
  assertEquals(convolutionFlops(convolutionGeometry([64, 64, 29, 29], [64, 64, 5, 5])), 2 * 64 * 64 * 64 * 25 * 625);
  assertEquals(convolutionFlops(convolutionGeometry([1, 4, 3], [4, 1, 1], { groups: 4 })), 24);
});

test("perAxis refuses what is neither a number nor a list", () => {
  for (const wrong of [undefined, { kernelSize: 5 }] as unknown[]) {
    assertThrows(
      () => perAxis(wrong as number, 2, "kernelSize", 1, "R2Conv"),
      ArgumentError,
      "kernelSize as an integer",
    );
  }
});
