/**
 * Makes a compiled network: records the network, optimizes what it did, plans the memory, and compares one run with the network.
 */

import { ShapeError } from "../../tensor/errors.ts";
import { type Shape, validateShape } from "../../tensor/layout.ts";
import type { CompilableModule, CompileOptions } from "../compile.ts";
import { CompileError } from "../errors.ts";
import { type Capture, capture } from "./capture.ts";
import { Constants } from "./constants.ts";
import { CompiledNetwork } from "./compiled_network.ts";
import { optimized } from "./optimize.ts";
import { bufferOf, PlanBuffer, readsOf, type Step, viewIn } from "./program.ts";

/** How much the plan's result may differ from the network's, in units of its greatest number: far more than rounding makes. */
const TOLERANCE: { readonly float32: number; readonly float64: number } = { float32: 1e-3, float64: 1e-9 };

/** A piece fits the caches of a processor; a GPU has faster memory and wants large calls. */
const defaultTile = (backend: string): number => backend === "cpu" ? 1 << 20 : Infinity;

/** Does what {@linkcode compile} says. */
export async function build(
  model: CompilableModule,
  inputShape: Shape,
  options: CompileOptions,
): Promise<CompiledNetwork> {
  validateShape(inputShape, "compile");
  if (inputShape.includes(0)) {
    throw new ShapeError({
      op: "compile",
      expected: "an input of at least one number",
      actual: `[${inputShape.join(", ")}]`,
    });
  }
  const captured = capture(model, inputShape, options);
  const { backend, example } = captured;
  const owned = constantsIn(captured), constants = new Constants(backend);
  let compiled: CompiledNetwork | undefined;
  try {
    const { steps, output } = withOutputOfItsOwn(captured);
    const tileBytes = options.tileBytes ?? defaultTile(backend.name);
    const joins = backend.steerableConvolutionMap !== undefined;
    const program = await optimized(steps, output, constants, tileBytes, joins);
    compiled = new CompiledNetwork({
      ...captured,
      ...program,
      input: captured.recording.input,
      inputShape,
      output,
      recordedSteps: captured.recording.steps.length,
    });
    if (options.verify ?? true) await compare(compiled, captured);
    return compiled;
  } catch (error) {
    compiled?.dispose();
    throw error;
  } finally {
    constants.dispose();
    for (const { contents } of owned) backend.free(contents!);
    example.input.dispose();
    example.output.dispose();
  }
}

/** The constants that the recording owns. */
function constantsIn({ recording: { steps, output } }: Capture): Set<PlanBuffer> {
  const read = [...steps.flatMap(({ op, call }) => readsOf(op, call)), output].map(bufferOf);
  return new Set(read.filter(({ role }) => role === "constant"));
}

/** A network that gives its input, or a number that does not depend on it, gives a copy: results belong to the plan. */
function withOutputOfItsOwn({ recording: { steps, output } }: Capture): {
  readonly steps: readonly Step[];
  readonly output: Capture["recording"]["output"];
} {
  if (bufferOf(output).role === "planned") return { steps, output };
  const target = viewIn(new PlanBuffer(bufferOf(output).bytes, "planned"), output);
  return { steps: [...steps, { op: "copy", call: { source: output, target }, modules: [""] }], output: target };
}

/** Throws CompileError where a run does not give what the network gave for other numbers than the recorded ones. */
async function compare(compiled: CompiledNetwork, { example, dtype }: Capture): Promise<void> {
  const expected = await example.output.data(), actual = await compiled.run(example.input).data();
  let scale = 0, error = 0;
  for (let i = 0; i < expected.length; i++) {
    const same = Object.is(expected[i], actual[i]) || (Number.isNaN(expected[i]) && Number.isNaN(actual[i]));
    scale = Math.max(scale, Math.abs(expected[i]));
    if (!same) {
      error = Math.max(error, Number.isNaN(actual[i] - expected[i]) ? Infinity : Math.abs(actual[i] - expected[i]));
    }
  }
  if (error <= TOLERANCE[dtype] * scale) return;
  throw new CompileError({
    op: "compile",
    expected: "a network whose calls do not depend on the numbers of its input",
    actual: `results that differ by ${error} from the network's, whose greatest is ${scale}`,
    hint: "Its forward may take decisions or keep results between calls: run it as it is",
  });
}
