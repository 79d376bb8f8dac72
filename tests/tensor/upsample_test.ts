// Resampling: positions of nearest neighbours and linear interpolation, and what is refused.

import { assertEquals, assertThrows } from "@std/assert";
import { assertClose } from "../support/close.ts";
import { test } from "../support/test.ts";
import { int32, values } from "./support.ts";
import { ones, tensor } from "../../src/tensor/creation.ts";
import { ArgumentError, DTypeError, ShapeError } from "../../src/tensor/errors.ts";
import { scope } from "../../src/tensor/scope.ts";
import { upsample } from "../../src/tensor/upsample.ts";

const line = (data: number[]) => tensor(Float64Array.from(data), [1, 1, data.length]);

test("upsample to the nearest repeats elements, by size and by scale", () => {
  using _ = scope();
  const x = line([1, 2, 3]);
  assertEquals(values(upsample(x, { size: 5, mode: "nearest" })), [1, 1, 2, 2, 3]);
  assertEquals(values(upsample(x, { scaleFactor: 1.5, mode: "nearest" })), [1, 1, 2, 3]);
  assertEquals(values(upsample(x, { size: 2, mode: "nearest" })), [1, 2]);
  assertEquals(values(upsample(int32([4, 5], [1, 1, 2]), { scaleFactor: 2, mode: "nearest" })), [4, 4, 5, 5]);
});

test("upsample interpolates at (i + 1/2)/s - 1/2, and at aligned corners", () => {
  using _ = scope();
  const x = line([0, 4, 8]);
  assertClose(values(upsample(x, { size: 6 })), [0, 1, 3, 5, 7, 8], { absolute: 1e-14 });
  assertClose(values(upsample(x, { size: 5, alignCorners: true })), [0, 2, 4, 6, 8], { absolute: 1e-14 });
  assertClose(values(upsample(x, { size: 1, alignCorners: true })), [0], { absolute: 0 });
  // s = 2.5, of which floor(3 · 2.5) = 7 outputs come: the positions follow s, not 7/3.
  assertClose(
    values(upsample(x, { scaleFactor: 2.5 })),
    [0, 0.4, 2, 3.6, 5.2, 6.8, 8],
    { absolute: 1e-14 },
  );
});

test("upsample works along two axes separately", () => {
  using _ = scope();
  const x = tensor(Float64Array.of(0, 1, 2, 3), [1, 1, 2, 2]);
  const y = upsample(x, { size: [2, 3], alignCorners: true });
  assertClose(values(y), [0, 0.5, 1, 2, 2.5, 3], { absolute: 1e-15 });
  assertEquals(upsample(ones([2, 3, 2, 2, 2]), { scaleFactor: [1, 2, 3], mode: "nearest" }).shape, [2, 3, 2, 4, 6]);
});

test("upsample refuses ambiguous or empty sizes and integer interpolation", () => {
  using _ = scope();
  const x = ones([1, 1, 4]);
  assertThrows(() => upsample(x, {}), ArgumentError, "neither");
  assertThrows(() => upsample(x, { size: 2, scaleFactor: 2 }), ArgumentError, "both");
  assertThrows(() => upsample(x, { scaleFactor: -1 }), ArgumentError, "positive scaleFactor");
  assertThrows(() => upsample(x, { scaleFactor: [1, 2] }), ArgumentError, "or 1 of them");
  assertThrows(() => upsample(x, { scaleFactor: 0.1 }), ArgumentError, "not empty");
  assertThrows(() => upsample(ones([4]), { size: 2 }), ShapeError, "1 to 3 spatial axes");
  assertThrows(() => upsample(int32([1], [1, 1, 1]), { size: 2 }), DTypeError, "float");
});
