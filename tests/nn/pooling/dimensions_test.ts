// Pooling in one and three dimensions: the same definitions along each axis, equivariance, exports.
// covers: src/nn/pooling/pointwise_pool.ts, src/nn/pooling/antialiased_pool.ts, src/nn/pooling/adaptive_pool.ts

import { assertThrows } from "@std/assert";
import { flipOnR1, octaOnR3 } from "../../../src/gspaces/mod.ts";
import {
  type EquivariantModule,
  FieldType,
  FieldTypeError,
  PointwiseAdaptiveAvgPool1D,
  PointwiseAdaptiveAvgPool3D,
  PointwiseAdaptiveMaxPool1D,
  PointwiseAdaptiveMaxPool3D,
  PointwiseAvgPool1D,
  PointwiseAvgPool3D,
  PointwiseAvgPoolAntialiased1D,
  PointwiseAvgPoolAntialiased3D,
  PointwiseMaxPool1D,
  PointwiseMaxPool3D,
  PointwiseMaxPoolAntialiased1D,
  PointwiseMaxPoolAntialiased3D,
  R1Upsampling,
  R3Upsampling,
} from "../../../src/nn/mod.ts";
import { ArgumentError } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { checkContract } from "../module_contract.ts";

const line = flipOnR1(), octa = octaOnR3();
const lineType = new FieldType(line, [line.regularRepr, line.trivialRepr]);
const volumeType = new FieldType(octa, octa.trivialRepr);

test("pooling on the line keeps its contract", async () => {
  const cases: readonly (() => EquivariantModule)[] = [
    () => new PointwiseMaxPool1D(lineType, 3, { stride: 2, padding: 1 }),
    () => new PointwiseMaxPool1D(lineType, 2, { dilation: 2, stride: 1 }),
    () => new PointwiseAvgPool1D(lineType, 3, { stride: 2, padding: 1 }),
    () => new PointwiseAvgPoolAntialiased1D(lineType, 0.6, 2),
    () => new PointwiseMaxPoolAntialiased1D(lineType, 3, { stride: 2, padding: 1 }),
    () => new PointwiseAdaptiveAvgPool1D(lineType, 3),
    () => new PointwiseAdaptiveMaxPool1D(lineType, 3),
    () => new R1Upsampling(lineType, { scaleFactor: 2 }),
  ];
  for (const make of cases) await checkContract(make, { spatial: [9], small: [4] });
});

test("pooling in space keeps its contract", async () => {
  const cases: readonly (() => EquivariantModule)[] = [
    () => new PointwiseMaxPool3D(volumeType, 3, { stride: 2, padding: 1 }),
    () => new PointwiseAvgPool3D(volumeType, 3, { stride: 2 }),
    () => new PointwiseAvgPoolAntialiased3D(volumeType, 0.6, 2),
    () => new PointwiseMaxPoolAntialiased3D(volumeType, 3, { stride: 2, padding: 1, sigma: 0.4 }),
    () => new PointwiseAdaptiveAvgPool3D(volumeType, 2),
    () => new PointwiseAdaptiveMaxPool3D(volumeType, 2),
    () => new R3Upsampling(volumeType, { scaleFactor: 2, mode: "nearest" }),
    () => new R3Upsampling(volumeType, { size: 7, alignCorners: true }),
  ];
  for (const make of cases) await checkContract(make, { spatial: [5, 5, 5], small: [3, 3, 3] });
});

test("pooling refuses spaces of another dimension and windows that fit nothing", () => {
  assertThrows(() => new PointwiseMaxPool3D(lineType, 2), FieldTypeError, "dimension 3");
  assertThrows(() => new R3Upsampling(lineType, { scaleFactor: 2 }), FieldTypeError, "dimension 3");
  assertThrows(() => new PointwiseMaxPool1D(lineType, 2, { padding: 2 }), ArgumentError, "half the window");
  assertThrows(() => new PointwiseAvgPool3D(volumeType, [2, 2]), ArgumentError, "kernelSize");
});
