/** Growing, shrinking and feathering a mask, by true distance, near the mask only. */
import { EMPTY, type Rect, grown, isEmpty } from './geometry'
import type { Mask } from './mask'

const FAR = 1e12

/** Grow by so many pixels, or shrink where `by` is negative. */
export function grow(mask: Mask, by: number): Rect {
  const bounds = mask.bounds()
  if (isEmpty(bounds) || by === 0) return EMPTY
  const box = grown(bounds, Math.ceil(Math.abs(by)) + 2, mask.extent)
  const inside = mask.read(box)
  const outward = by > 0
  // Distance of each pixel to the nearest that is in (growing) or out (shrinking).
  const squared = new Float64Array(inside.length)
  for (let at = 0; at < inside.length; at++) {
    squared[at] = inside[at]! >= 128 === outward ? 0 : FAR
  }
  distances(squared, box.width, box.height)
  const reach = Math.abs(by)
  for (let at = 0; at < inside.length; at++) {
    const near = Math.min(1, Math.max(0, reach + 0.5 - Math.sqrt(squared[at]!)))
    inside[at] = outward
      ? Math.max(inside[at]!, Math.round(255 * near))
      : Math.min(inside[at]!, Math.round(255 * (1 - near)))
  }
  mask.write(box, inside)
  return box
}

/** Soften the edge over about so many pixels: three box blurs, which come close to a Gaussian. */
export function feather(mask: Mask, by: number): Rect {
  const bounds = mask.bounds()
  const radius = Math.max(1, Math.round(by / 2))
  if (isEmpty(bounds) || by <= 0) return EMPTY
  const box = grown(bounds, radius * 3 + 1, mask.extent)
  const plane = Float32Array.from(mask.read(box))
  const other = new Float32Array(plane.length)
  for (let turn = 0; turn < 3; turn++) {
    blurRows(plane, other, box.width, box.height, radius)
    blurColumns(other, plane, box.width, box.height, radius)
  }
  mask.write(box, Uint8Array.from(plane, (value) => Math.round(value)))
  return box
}

/** Exact squared Euclidean distances in place (Felzenszwalb & Huttenlocher 2012). */
function distances(plane: Float64Array, width: number, height: number): void {
  const longest = Math.max(width, height)
  const line = new Float64Array(longest)
  const out = new Float64Array(longest)
  const at = new Int32Array(longest)
  const edge = new Float64Array(longest + 1)
  const pass = (from: number, stride: number, count: number) => {
    for (let i = 0; i < count; i++) line[i] = plane[from + i * stride]!
    lowerEnvelope(line, count, out, at, edge)
    for (let i = 0; i < count; i++) plane[from + i * stride] = out[i]!
  }
  for (let x = 0; x < width; x++) pass(x, width, height)
  for (let y = 0; y < height; y++) pass(y * width, 1, width)
}

function lowerEnvelope(
  f: Float64Array,
  count: number,
  out: Float64Array,
  at: Int32Array,
  edge: Float64Array,
): void {
  let k = 0
  at[0] = 0
  edge[0] = -FAR
  edge[1] = FAR
  for (let q = 1; q < count; q++) {
    let cross = 0
    for (;;) {
      const p = at[k]!
      cross = (f[q]! + q * q - (f[p]! + p * p)) / (2 * q - 2 * p)
      if (cross > edge[k]! || k === 0) break
      k--
    }
    if (cross <= edge[k]!) {
      at[k] = q
    } else {
      k++
      at[k] = q
      edge[k] = cross
    }
    edge[k + 1] = FAR
  }
  k = 0
  for (let q = 0; q < count; q++) {
    while (edge[k + 1]! < q) k++
    const p = at[k]!
    out[q] = (q - p) * (q - p) + f[p]!
  }
}

function blurRows(from: Float32Array, to: Float32Array, w: number, h: number, r: number): void {
  for (let y = 0; y < h; y++) blurLine(from, to, y * w, 1, w, r)
}

function blurColumns(from: Float32Array, to: Float32Array, w: number, h: number, r: number): void {
  for (let x = 0; x < w; x++) blurLine(from, to, x, w, h, r)
}

/** One line; past its ends the last value goes on, so a mask at the border stays whole. */
function blurLine(
  from: Float32Array,
  to: Float32Array,
  start: number,
  stride: number,
  count: number,
  radius: number,
): void {
  const value = (i: number) => from[start + Math.min(count - 1, Math.max(0, i)) * stride]!
  let sum = 0
  for (let i = -radius; i <= radius; i++) sum += value(i)
  for (let i = 0; i < count; i++) {
    to[start + i * stride] = sum / (2 * radius + 1)
    sum += value(i + radius + 1) - value(i - radius)
  }
}
