// covers: src/data/rotation.ts

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { rotateImage, rotateLabels } from "../../src/data/rotation.ts";
import { test } from "../support/test.ts";

function rotated(image: number[], height: number, width: number, angle: number): number[] {
  const target = new Float32Array(image.length);
  rotateImage(image, 0, target, 0, height, width, angle);
  return [...target];
}

test("rotateImage by a quarter turn is exact and counter-clockwise", () => {
  const image = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  assertEquals(rotated(image, 3, 3, Math.PI / 2), [3, 6, 9, 2, 5, 8, 1, 4, 7]);
  assertEquals(rotated(image, 3, 3, -Math.PI / 2), [7, 4, 1, 8, 5, 2, 9, 6, 3]);
  assertEquals(rotated(image, 3, 3, Math.PI), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
  assertEquals(rotated([1, 2, 3, 4], 2, 2, 5 * Math.PI / 2), [2, 4, 1, 3]);
});

test("rotateImage keeps a Gaussian of variance 16 within the interpolation error 1/64", () => {
  const size = 21;
  const image = Array.from({ length: size * size }, (_, i) => {
    const [row, column] = [Math.floor(i / size) - 10, i % size - 10];
    return Math.exp(-(row * row + column * column) / 32);
  });
  const turned = rotated(image, size, size, 0.7);
  // Bilinear interpolation errs by at most (|f_xx| + |f_yy|) / 8, here (1/16 + 1/16) / 8.
  image.forEach((value, i) => {
    const radius = Math.hypot(Math.floor(i / size) - 10, i % size - 10);
    if (radius <= 9) assertAlmostEquals(turned[i], value, 1 / 64);
  });
  assertAlmostEquals(turned[10 * size + 10], 1, 1e-6);
});

test("rotateImage turns a point at angle a to angle a + angle", () => {
  const size = 31;
  const image = new Array<number>(size * size).fill(0);
  image[15 * size + 25] = 1; // x = 10, y = 0
  const turned = rotated(image, size, size, Math.PI / 6);
  let [mass, x, y] = [0, 0, 0];
  turned.forEach((value, i) => {
    mass += value;
    x += value * (i % size - 15);
    y += value * (15 - Math.floor(i / size));
  });
  assertAlmostEquals(x / mass, 10 * Math.cos(Math.PI / 6), 0.3);
  assertAlmostEquals(y / mass, 10 * Math.sin(Math.PI / 6), 0.3);
});

test("rotateLabels turns quarters exactly, takes the nearest label and says what is outside", () => {
  const turned = (angle: number, shift: [number, number] = [0, 0]): number[] => {
    const target = new Int32Array(9);
    rotateLabels(new Uint16Array([1, 2, 3, 4, 5, 6, 7, 8, 900]), 0, target, 0, 3, 3, angle, shift, -1);
    return [...target];
  };
  assertEquals(turned(Math.PI / 2), [3, 6, 900, 2, 5, 8, 1, 4, 7]);
  assertEquals(turned(0, [1, 0]), [-1, -1, -1, 1, 2, 3, 4, 5, 6]);
  // A corner shows (√2, 0), nearest to the middle of an edge, and that shows (√½, √½), nearest to a corner.
  assertEquals(turned(Math.PI / 4), [2, 3, 6, 1, 5, 900, 4, 7, 8]);
});
