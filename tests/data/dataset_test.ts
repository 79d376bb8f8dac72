// covers: src/data/dataset.ts, src/data/mod.ts

import { assertEquals, assertRejects } from "@std/assert";
import { DataError, loadIdxImages } from "../../src/data/mod.ts";
import { runtime } from "../../src/runtime/mod.ts";
import { test } from "../support/test.ts";
import { temporaryDirectory } from "../support/files.ts";

const images = new Uint8Array([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 9, 8, 7, 6]);
const labels = new Uint8Array([0, 0, 8, 1, 0, 0, 0, 2, 3, 1]);

test("loadIdxImages loads images with their labels", async () => {
  await using folder = await temporaryDirectory();
  await runtime.writeFile(`${folder.path}/t10k-images-idx3-ubyte`, images);
  await runtime.writeFile(`${folder.path}/t10k-labels-idx1-ubyte`, labels);
  const set = await loadIdxImages(folder.path, "test");
  assertEquals([set.length, set.height, set.width], [2, 1, 2]);
  assertEquals([[...set.pixels], [...set.labels]], [[9, 8, 7, 6], [3, 1]]);
});

test("loadIdxImages names the missing file and both counts when labels do not match", async () => {
  await using folder = await temporaryDirectory();
  await assertRejects(
    () => loadIdxImages(folder.path, "train"),
    DataError,
    "train-images-idx3-ubyte.gz, got neither file",
  );
  await runtime.writeFile(`${folder.path}/train-images-idx3-ubyte`, images);
  await runtime.writeFile(`${folder.path}/train-labels-idx1-ubyte`, new Uint8Array([0, 0, 8, 1, 0, 0, 0, 1, 3]));
  await assertRejects(() => loadIdxImages(folder.path, "train"), DataError, "a label for each of 2 images");
  await runtime.writeFile(`${folder.path}/train-labels-idx1-ubyte`, images);
  await assertRejects(() => loadIdxImages(folder.path, "train"), DataError, "unsigned bytes with 1 axes");
});
