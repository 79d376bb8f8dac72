// Pooling in one and three dimensions: options beside those of the table of modules, and what it refuses.

import { assertThrows } from "@std/assert";
import { flipOnR1, octaOnR3 } from "../../../src/gspaces/mod.ts";
import {
  FieldType,
  FieldTypeError,
  PointwiseAvgPool3D,
  PointwiseMaxPool1D,
  PointwiseMaxPool3D,
  R3Upsampling,
} from "../../../src/nn/mod.ts";
import { ArgumentError } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { checkContract } from "../module_contract.ts";

const line = flipOnR1(), octa = octaOnR3();
const lineType = new FieldType(line, [line.regularRepr, line.trivialRepr]);
const volumeType = new FieldType(octa, octa.trivialRepr);

test("pooling with dilation and enlarging with aligned corners keep the contract of modules", async () => {
  await checkContract(() => new PointwiseMaxPool1D(lineType, 2, { dilation: 2, stride: 1 }), {
    spatial: [9],
    small: [4],
  });
  const options = { spatial: [5, 5, 5], small: [2, 2, 2] };
  await checkContract(() => new PointwiseAvgPool3D(volumeType, 2, { stride: 1 }), options);
  await checkContract(() => new R3Upsampling(volumeType, { size: 7, alignCorners: true }), options);
});

test("pooling refuses spaces of another dimension and windows that fit nothing", () => {
  assertThrows(() => new PointwiseMaxPool3D(lineType, 2), FieldTypeError, "dimension 3");
  assertThrows(() => new R3Upsampling(lineType, { scaleFactor: 2 }), FieldTypeError, "dimension 3");
  assertThrows(() => new PointwiseMaxPool1D(lineType, 2, { padding: 2 }), ArgumentError, "half the window");
  assertThrows(() => new PointwiseAvgPool3D(volumeType, [2, 2]), ArgumentError, "kernelSize");
});
