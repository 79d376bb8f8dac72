/**
 * A soft disc (or ball) that hides the corners of a grid, which a rotation would move out of sight.
 */

import type { RepresentationKind } from "../../group/types.ts";
import { exp } from "../../math/functions.ts";
import { ArgumentError, ShapeError } from "../../tensor/errors.ts";
import { formatShape } from "../../tensor/layout.ts";
import { EquivariantModule } from "../equivariant_module.ts";
import type { FieldType } from "../field_type.ts";
import type { GeometricTensor } from "../geometric_tensor.ts";
import { Constant } from "../plain/persistent.ts";
import { MaskLayer } from "../plain/structure.ts";

/** Options of {@linkcode MaskModule}. */
export interface MaskOptions {
  /** Width of the hidden margin in percent of the radius. Default 0. */
  readonly margin?: number;
  /** How softly the mask ends, in pixels. Default 2. */
  readonly sigma?: number;
}

/**
 * Multiplies every channel of an S × S (× S) grid by 1 within t = (c − margin % of c)², c = (S − 1)/2, of the squared distance r from
 * the centre, and by exp((t − r) / sigma²) beyond.
 */
export class MaskModule<K extends RepresentationKind = RepresentationKind> extends EquivariantModule<K> {
  /** The type of inputs. */
  readonly inType: FieldType<K>;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<K>;
  /** Size of the grid along every axis. */
  readonly size: number;
  readonly #values: Float64Array;
  readonly #mask: Constant;

  /** A mask for grids of `size` along every axis. */
  constructor(inType: FieldType<K>, size: number, { margin = 0, sigma = 2 }: MaskOptions = {}) {
    super();
    if (!Number.isInteger(size) || size < 1 || !(sigma > 0) || !(margin >= 0 && margin <= 100)) {
      throw new ArgumentError({
        op: "MaskModule",
        expected: "a positive integer size, a positive sigma and a margin from 0 to 100 percent",
        actual: `size ${size}, sigma ${sigma}, margin ${margin}`,
      });
    }
    this.inType = this.outType = inType;
    this.size = size;
    this.#values = maskValues(size, inType.gspace.dimensionality, margin, sigma);
    this.#mask = new Constant(this.#values, new Array<number>(inType.gspace.dimensionality).fill(size));
  }

  /** The masked feature map. Throws FieldTypeError for another type, ShapeError for another size. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkGridInput(input);
    if (input.shape.slice(2).some((size) => size !== this.size)) {
      throw new ShapeError({
        op: "MaskModule",
        expected: `spatial sizes ${formatShape(this.#mask.shape)}`,
        actual: formatShape(input.shape.slice(2)),
      });
    }
    return input.with(input.tensor.mul(this.#mask.like(input.tensor)));
  }

  /** The plain layer. */
  override export(): MaskLayer {
    return new MaskLayer(this.#values, this.#mask.shape);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.inType}, size ${this.size}`;
  }
}

function maskValues(size: number, dimension: number, margin: number, sigma: number): Float64Array {
  const centre = (size - 1) / 2;
  const inner = centre - margin / 100 * centre, threshold = inner * inner;
  let count = 1;
  for (let axis = 0; axis < dimension; axis++) count *= size;
  return Float64Array.from({ length: count }, (_, position) => {
    let rest = position, distance = 0;
    for (let axis = 0; axis < dimension; axis++) {
      const t = rest % size - centre;
      rest = Math.floor(rest / size);
      distance += t * t;
    }
    return distance <= threshold ? 1 : exp((threshold - distance) / (sigma * sigma));
  });
}
