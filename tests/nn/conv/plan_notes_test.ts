// What backendInfo says about the plans by which convolutions ran: each one once, on its backend, the last few.

import { assert, assertEquals } from "@std/assert";
import { rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import { GeometricTensor, R2Conv, R2ConvTransposed } from "../../../src/nn/mod.ts";
import { notePlan } from "../../../src/nn/conv/plan_notes.ts";
import { backendInfo, noGrad, scope, startBackend, useBackend, zeros } from "../../../src/tensor/mod.ts";
import { convolutionGeometry } from "../../../src/tensor/conv_geometry.ts";
import { test } from "../../support/test.ts";
import { regular } from "../support.ts";

const type = regular(rot2dOnR2(4), 2);

/** The lines about convolutions below the line of a backend. */
function notesOf(name: string): string[] {
  const lines = backendInfo().split("\n"), first = lines.findIndex((line) => line.startsWith(`${name}:`));
  assert(first >= 0, backendInfo());
  const end = lines.findIndex((line, i) => i > first && !line.startsWith("  "));
  return lines.slice(first + 1, end < 0 ? undefined : end).map((line) => line.trim());
}

test("backendInfo shows by which plan each convolution ran, once for each shape, on the backend on which it ran", async () => {
  const cpu = await useBackend("cpu", { threads: 1 });
  await useBackend("reference");
  const run = (conv: R2Conv | R2ConvTransposed, batch: number) =>
    noGrad(() =>
      scope(() => {
        conv.forward(new GeometricTensor(zeros([batch, 8, 7, 9], { backend: conv.weights.backend }), type));
      })
    );
  const fixed = new R2Conv(type, type, 3, { plan: "harmonic", padding: 1 });
  assertEquals(notesOf("reference"), []);
  run(fixed, 2);
  run(fixed, 2);
  run(new R2Conv(type, type, 3, { plan: "harmonic", padding: 1 }), 2);
  run(fixed, 0);
  assertEquals(fixed.planFor([5, 8, 7, 9]), "harmonic");
  assertEquals(notesOf("reference"), ["convolution 8→8 channels, k 3×3, 7×9, batch 2: harmonic (fixed)"]);
  run(new R2ConvTransposed(type, type, 3, { plan: "structured", stride: 2, groups: 2 }), 1);
  assertEquals(
    notesOf("reference")[1],
    "convolution transposed 8→8 channels, k 3×3, stride 2×2, 2 groups, 7×9, batch 1: structured (fixed)",
  );
  assertEquals(notesOf("cpu"), []);
  const auto = new R2Conv(type, type, 3, { padding: 1 });
  await auto.to(cpu);
  run(auto, 3);
  assertEquals(notesOf("cpu"), [
    `convolution 8→8 channels, k 3×3, 7×9, batch 3: ${auto.planFor([3, 8, 7, 9], cpu)}`,
  ]);
});

test("backendInfo shows the last 24 convolutions", async () => {
  const backend = await startBackend("reference");
  for (let batch = 1; batch <= 30; batch++) {
    const geometry = convolutionGeometry([batch, 3, 5, 5], [4, 3, 3, 3], {});
    notePlan(backend, geometry, false, { plan: "dense", form: "forward" }, false);
  }
  const notes = notesOf("reference");
  assertEquals(notes.length, 24);
  assertEquals(notes[0], "convolution 3→4 channels, k 3×3, 5×5, batch 7: dense");
  assertEquals(notes[23], "convolution 3→4 channels, k 3×3, 5×5, batch 30: dense");
});
