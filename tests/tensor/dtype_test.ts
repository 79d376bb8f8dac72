// Element types: sizes, promotion, rounding and their typed arrays.

import { assertEquals } from "@std/assert";
import {
  BYTES_PER_ELEMENT,
  createTypedArray,
  dtypeOf,
  DTYPES,
  isFloat,
  promote,
  roundTo,
  viewTypedArray,
} from "../../src/tensor/dtype.ts";
import { test } from "../support/test.ts";

test("promote gives the later type of bool, int32, float32, float64, in either order", () => {
  for (let a = 0; a < DTYPES.length; a++) {
    for (let b = 0; b < DTYPES.length; b++) assertEquals(promote(DTYPES[a], DTYPES[b]), DTYPES[Math.max(a, b)]);
  }
});

test("createTypedArray and dtypeOf are inverse, and elements have their size", () => {
  for (const dtype of DTYPES) {
    const array = createTypedArray(dtype, 3);
    assertEquals(dtypeOf(array), dtype);
    assertEquals(array.BYTES_PER_ELEMENT, BYTES_PER_ELEMENT[dtype]);
    assertEquals([...array], [0, 0, 0]);
  }
});

test("viewTypedArray shows bytes of a buffer without copying", () => {
  const buffer = new ArrayBuffer(24);
  for (const dtype of DTYPES) {
    const view = viewTypedArray(dtype, buffer, 8, 2);
    view[1] = 1;
    assertEquals(viewTypedArray(dtype, buffer, 8 + BYTES_PER_ELEMENT[dtype], 1)[0], 1);
    assertEquals([view.byteOffset, view.length, dtypeOf(view)], [8, 2, dtype]);
  }
});

test("isFloat holds for float32 and float64 alone", () => {
  assertEquals(DTYPES.filter(isFloat), ["float32", "float64"]);
});

test("roundTo rounds to float32, wraps to int32, and gives 0 or 1 for bool", () => {
  assertEquals(roundTo("float32", 0.1), 0.10000000149011612);
  assertEquals(roundTo("float32", 3.5e38), Infinity);
  assertEquals(roundTo("float64", 0.1), 0.1);
  assertEquals([roundTo("int32", 2 ** 31), roundTo("int32", -1.9), roundTo("int32", NaN)], [-(2 ** 31), -1, 0]);
  assertEquals([roundTo("bool", -0.5), roundTo("bool", 0), roundTo("bool", NaN)], [1, 0, 1]);
});
