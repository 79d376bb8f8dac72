// What steerable convolutions of all dimensions share: kernels of unequal sides, padding by side and "same", checked options.
// covers: src/nn/plain/convolution.ts

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { flip2dOnR2, flipRot2dOnR2, rot2dOnR2, rot2dOnR3, trivialOnR2 } from "../../../src/gspaces/mod.ts";
import { GridConv, GridConvTransposed, R2Conv, R2ConvTransposed, R3Conv } from "../../../src/nn/mod.ts";
import type { PaddingMode } from "../../../src/nn/plain/mod.ts";
import { ArgumentError, type Padding, seed } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { checkContract } from "../module_contract.ts";
import { assertExports, feature, regular, trivial } from "../support.ts";

test("GridConv takes kernels of unequal sides where the group keeps them, and is equivariant to 1e-12", async () => {
  seed(1);
  for (const space of [trivialOnR2(), flip2dOnR2(), rot2dOnR2(2), flipRot2dOnR2(2)]) {
    const type = regular(space), conv = new R2Conv(type, type, [3, 5], { padding: "same", dtype: "float64" });
    assertEquals(conv.expandFilter().shape.slice(2), [3, 5]);
    assertEquals(conv.evaluateOutputShape([1, type.size, 6, 7]), [1, type.size, 6, 7]);
    const { maxExact } = await conv.checkEquivariance({ size: [6, 7], batch: 1 });
    assert(maxExact < 1e-12, `${space}: ${maxExact}`);
    assertExports(new R2Conv(type, type, [3, 5], { padding: "same" }), [6, 7]);
  }
  const turning = rot2dOnR3(4), type = regular(turning);
  const tall = new R3Conv(type, type, [1, 3, 3], { padding: "same" });
  assert((await tall.checkEquivariance({ size: 3, batch: 1 })).maxExact < 1e-12);
});

test("GridConv refuses kernels whose sides the group turns into each other", () => {
  for (const space of [rot2dOnR2(4), rot2dOnR2(), flipRot2dOnR2(8)]) {
    const type = trivial(space);
    assertThrows(() => new R2Conv(type, type, [3, 5]), ArgumentError, "turns its axes into each other");
  }
  const type = trivial(rot2dOnR3(4));
  assertThrows(() => new R3Conv(type, type, [3, 3, 5]), ArgumentError, "3x3x5");
});

test('GridConv with padding "same" gives outputs of size ⌈size / stride⌉, for even kernels too', () => {
  const type = trivial(trivialOnR2());
  for (const kernelSize of [1, 2, 3, 4, 5]) {
    for (const dilation of [1, 2]) {
      for (const stride of [1, 2, 3]) {
        const rings = [0, 0.8], sigma = 1;
        const conv = new R2Conv(type, type, kernelSize, {
          padding: "same",
          stride,
          dilation,
          ...(kernelSize > 2 ? { rings, sigma } : { rings: [0], sigma }),
        });
        const shape = [1, 1, Math.ceil(7 / stride), Math.ceil(8 / stride)];
        assertEquals(conv.forward(feature(type, 1, 7, 8)).shape, shape);
        assertEquals(conv.evaluateOutputShape([1, 1, 7, 8]), shape);
      }
    }
  }
});

test("GridConv and GridConvTransposed pad each side by itself, and fulfil the module contract", async () => {
  seed(2);
  const type = regular(trivialOnR2(), 2);
  const padding = [[0, 2], [1, 0]] as const;
  await checkContract((dtype) => new R2Conv(type, type, [1, 3], { padding, dtype }), {
    spatial: [4, 5],
    small: [2, 3],
  });
  await checkContract(
    (dtype) =>
      new R2ConvTransposed(type, type, [2, 3], {
        padding,
        stride: 2,
        rings: [0.6],
        sigma: 1,
        frequenciesCutoff: 3,
        dtype,
      }),
    {
      spatial: [4, 5],
      small: [3, 2],
    },
  );
});

test("GridConv refuses paddings that make no sense, before it allocates", () => {
  const type = trivial(trivialOnR2());
  const conv = (padding: Padding | "same") => new R2Conv(type, type, 3, { padding });
  assertThrows(() => conv("valid" as "same"), ArgumentError, '"valid"');
  assertThrows(() => conv([1]), ArgumentError, "2 pairs");
  assertThrows(() => conv([[1, -1], 0]), ArgumentError, "non-negative");
  const mode = "mirror" as PaddingMode;
  assertThrows(
    () => new R2Conv(type, type, 3, { paddingMode: mode }),
    ArgumentError,
    "zeros, reflect, replicate, circular",
  );
});

test("GridConv and GridConvTransposed show their options as text", () => {
  const type = trivial(trivialOnR2());
  const conv = new R2Conv(type, type, [1, 3], { padding: [0, [1, 2]], stride: 2, paddingMode: "circular" });
  assertStringIncludes(conv.toString(), "kernelSize 1x3, padding 0x1+2, stride 2x2, circular");
  const up = new R2ConvTransposed(type, type, 3, { stride: 2, outputPadding: [1, 0] });
  assertStringIncludes(up.toString(), "stride 2x2, outputPadding 1x0");
  assert(conv instanceof GridConv && up instanceof GridConvTransposed);
});
