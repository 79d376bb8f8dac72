// The elementary functions as a whole: the same bits in every runtime.

import { assertEquals } from "@std/assert";
import * as functions from "../../src/math/functions.ts";
import { test } from "../support/test.ts";
import { uniform } from "./oracle.ts";

// Bit patterns of all functions over fixed arguments, folded into one number: the same in every engine.
function fingerprint(): number {
  const next = uniform(7);
  const view = new DataView(new ArrayBuffer(8));
  let hash = 2166136261;
  const feed = (value: number): void => {
    view.setFloat64(0, value);
    for (let i = 0; i < 8; i++) hash = Math.imul(hash ^ view.getUint8(i), 16777619) >>> 0;
  };
  for (let i = 0; i < 5000; i++) {
    const x = next() * 2 - 1;
    const y = next() * 40 - 20;
    feed(functions.sin(y * 1e3));
    feed(functions.cos(y));
    feed(functions.exp(y));
    feed(functions.log(y * y + 1e-9));
    feed(functions.pow(y * y + 1e-9, x));
    feed(functions.atan2(x, y));
    feed(functions.atan(y));
    feed(functions.asin(x));
    feed(functions.acos(x));
    feed(functions.hypot(x, y));
    feed(functions.cbrt(y));
  }
  return hash;
}

test("functions give the same bits on every engine", () => {
  assertEquals(fingerprint(), 3135492652);
});
