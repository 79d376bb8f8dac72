/**
 * Rotation and translation by any amount, of images with bilinear interpolation and of maps of labels by nearest neighbour, for
 * augmentation and for tests of invariance. Plain arithmetic on arrays: no tensor and no backend is needed while batches are prepared.
 */

/**
 * Rotates an image counter-clockwise (seen with the first row at the top) about its centre by `angle` radians, bilinearly, zero
 * outside, and then moves it. Multiples of a quarter turn on square images with whole shifts are exact.
 *
 * @param source Pixels `[height, width]`, row-major, at `sourceOffset`.
 * @param target Receives `[height, width]` at `targetOffset`.
 * @param shift Pixels by which it is moved, `[down, right]`. Default `[0, 0]`.
 */
export function rotateImage(
  source: ArrayLike<number>,
  sourceOffset: number,
  target: Float32Array,
  targetOffset: number,
  height: number,
  width: number,
  angle: number,
  shift: readonly [down: number, right: number] = [0, 0],
): void {
  // The text of this function also runs in workers (batch_kernel.ts), so it uses nothing from outside and has no functions inside.
  const quarter = angle / (Math.PI / 2);
  const isExact = height === width && Math.abs(quarter - Math.round(quarter)) < 1e-12;
  const cos = isExact ? [1, 0, -1, 0][((Math.round(quarter) % 4) + 4) % 4] : Math.cos(angle);
  const sin = isExact ? [0, 1, 0, -1][((Math.round(quarter) % 4) + 4) % 4] : Math.sin(angle);
  const centreRow = (height - 1) / 2;
  const centreColumn = (width - 1) / 2;
  const down = shift[0], right = shift[1];
  for (let row = 0; row < height; row++) {
    // The pixel at p shows what stood at R⁻¹(p − shift), with x along columns and y against rows.
    const y = centreRow - (row - down);
    const sinY = sin * y, cosY = cos * y;
    for (let column = 0; column < width; column++) {
      const x = column - right - centreColumn;
      const fromColumn = cos * x + sinY + centreColumn;
      const fromRow = centreRow - (-sin * x + cosY);
      const r0 = Math.floor(fromRow);
      const c0 = Math.floor(fromColumn);
      const fr = fromRow - r0;
      const fc = fromColumn - c0;
      const at = sourceOffset + r0 * width + c0;
      let topLeft = 0, topRight = 0, bottomLeft = 0, bottomRight = 0;
      if (r0 >= 0 && r0 < height - 1 && c0 >= 0 && c0 < width - 1) {
        topLeft = source[at];
        topRight = source[at + 1];
        bottomLeft = source[at + width];
        bottomRight = source[at + width + 1];
      } else {
        const hasLeft = c0 >= 0 && c0 < width, hasRight = c0 >= -1 && c0 < width - 1;
        if (r0 >= 0 && r0 < height) {
          if (hasLeft) topLeft = source[at];
          if (hasRight) topRight = source[at + 1];
        }
        if (r0 >= -1 && r0 < height - 1) {
          if (hasLeft) bottomLeft = source[at + width];
          if (hasRight) bottomRight = source[at + width + 1];
        }
      }
      const top = (1 - fc) * topLeft + fc * topRight;
      const bottom = (1 - fc) * bottomLeft + fc * bottomRight;
      target[targetOffset + row * width + column] = (1 - fr) * top + fr * bottom;
    }
  }
}

/**
 * Rotates and moves a map of labels as {@linkcode rotateImage} does an image, but by nearest neighbour, so that no label arises that was not
 * there; halfway between two places the one further right or down counts.
 *
 * @param source Labels `[height, width]`, row-major, at `sourceOffset`.
 * @param target Receives `[height, width]` at `targetOffset`.
 * @param shift Pixels by which it is moved, `[down, right]`. Default `[0, 0]`.
 * @param outside Label of what was outside of the map. Default 0.
 */
export function rotateLabels(
  source: ArrayLike<number>,
  sourceOffset: number,
  target: Float32Array | Int32Array,
  targetOffset: number,
  height: number,
  width: number,
  angle: number,
  shift: readonly [down: number, right: number] = [0, 0],
  outside = 0,
): void {
  // The text of this function also runs in workers (batch_kernel.ts), so it uses nothing from outside and has no functions inside.
  const quarter = angle / (Math.PI / 2);
  const isExact = height === width && Math.abs(quarter - Math.round(quarter)) < 1e-12;
  const cos = isExact ? [1, 0, -1, 0][((Math.round(quarter) % 4) + 4) % 4] : Math.cos(angle);
  const sin = isExact ? [0, 1, 0, -1][((Math.round(quarter) % 4) + 4) % 4] : Math.sin(angle);
  const centreRow = (height - 1) / 2;
  const centreColumn = (width - 1) / 2;
  const down = shift[0], right = shift[1];
  for (let row = 0; row < height; row++) {
    const y = centreRow - (row - down);
    const sinY = sin * y, cosY = cos * y;
    for (let column = 0; column < width; column++) {
      const x = column - right - centreColumn;
      const fromColumn = Math.floor(cos * x + sinY + centreColumn + 0.5);
      const fromRow = Math.floor(centreRow - (-sin * x + cosY) + 0.5);
      const isInside = fromRow >= 0 && fromRow < height && fromColumn >= 0 && fromColumn < width;
      target[targetOffset + row * width + column] = isInside
        ? source[sourceOffset + fromRow * width + fromColumn]
        : outside;
    }
  }
}
