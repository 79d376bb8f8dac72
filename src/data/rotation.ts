/**
 * Rotation and translation of images by any amount with bilinear interpolation, for augmentation and for tests of invariance. Plain
 * arithmetic on arrays: no tensor and no backend is needed while batches are prepared.
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
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      // The pixel at p shows what stood at R⁻¹(p − shift), with x along columns and y against rows.
      const x = column - shift[1] - centreColumn;
      const y = centreRow - (row - shift[0]);
      const fromColumn = cos * x + sin * y + centreColumn;
      const fromRow = centreRow - (-sin * x + cos * y);
      const r0 = Math.floor(fromRow);
      const c0 = Math.floor(fromColumn);
      const fr = fromRow - r0;
      const fc = fromColumn - c0;
      const at = sourceOffset + r0 * width + c0;
      const hasTop = r0 >= 0 && r0 < height;
      const hasBottom = r0 >= -1 && r0 < height - 1;
      const hasLeft = c0 >= 0 && c0 < width;
      const hasRight = c0 >= -1 && c0 < width - 1;
      const top = (1 - fc) * (hasTop && hasLeft ? source[at] : 0) + fc * (hasTop && hasRight ? source[at + 1] : 0);
      const bottom = (1 - fc) * (hasBottom && hasLeft ? source[at + width] : 0) +
        fc * (hasBottom && hasRight ? source[at + width + 1] : 0);
      target[targetOffset + row * width + column] = (1 - fr) * top + fr * bottom;
    }
  }
}
