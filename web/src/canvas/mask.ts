/**
 * A mask: one byte a pixel, 255 is edited, 0 keeps its bytes. Plain memory, no canvas, so that it
 * is exact and can be tested anywhere. Every function that paints answers the rectangle it touched.
 */
import { EMPTY, type Extent, type Point, type Rect, cut, grown, isEmpty, spanning } from './geometry'

export interface Brush {
  /** Radius in pixels of the picture. */
  radius: number
  /** 1 is a hard edge, 0 fades from the middle. */
  hardness: number
}

export class Mask {
  readonly data: Uint8Array
  constructor(
    readonly width: number,
    readonly height: number,
    data?: Uint8Array,
  ) {
    if (data && data.length !== width * height) throw new Error('a mask has one byte a pixel')
    this.data = data ?? new Uint8Array(width * height)
  }

  get extent(): Extent {
    return { width: this.width, height: this.height }
  }

  get whole(): Rect {
    return { x: 0, y: 0, width: this.width, height: this.height }
  }

  /** The bytes of a rectangle, row by row. */
  read(r: Rect): Uint8Array {
    const out = new Uint8Array(r.width * r.height)
    for (let row = 0; row < r.height; row++) {
      const from = (r.y + row) * this.width + r.x
      out.set(this.data.subarray(from, from + r.width), row * r.width)
    }
    return out
  }

  write(r: Rect, bytes: Uint8Array): void {
    for (let row = 0; row < r.height; row++) {
      this.data.set(
        bytes.subarray(row * r.width, (row + 1) * r.width),
        (r.y + row) * this.width + r.x,
      )
    }
  }

  /** The smallest rectangle that holds all of it; empty without any. */
  bounds(): Rect {
    const { data, width, height } = this
    const hasRow = (y: number) => {
      for (let at = y * width, end = at + width; at < end; at++) if (data[at]) return true
      return false
    }
    let top = 0
    while (top < height && !hasRow(top)) top++
    if (top === height) return EMPTY
    let bottom = height
    while (!hasRow(bottom - 1)) bottom--
    let left = width
    let right = 0
    for (let y = top; y < bottom; y++) {
      const from = y * width
      for (let x = 0; x < left; x++) if (data[from + x]) left = x
      for (let x = width - 1; x >= right; x--) if (data[from + x]) right = x + 1
    }
    return { x: left, y: top, width: right - left, height: bottom - top }
  }

  /** How much of the picture it covers, 0 to 1. */
  area(): number {
    let sum = 0
    for (const value of this.data) sum += value
    return sum / 255 / Math.max(1, this.data.length)
  }
}

/**
 * Lay one piece of a stroke, from a to b, over what was there before the stroke began (`base`):
 * within a stroke nothing builds up, as with a real brush of paint.
 */
export function stroke(
  mask: Mask,
  base: Uint8Array,
  a: Point,
  b: Point,
  brush: Brush,
  erase: boolean,
): Rect {
  const { width } = mask
  const radius = Math.max(0.5, brush.radius)
  const box = grown(
    {
      x: Math.min(a.x, b.x),
      y: Math.min(a.y, b.y),
      width: Math.abs(a.x - b.x) + 1e-6,
      height: Math.abs(a.y - b.y) + 1e-6,
    },
    radius + 1,
    mask.extent,
  )
  if (isEmpty(box)) return EMPTY
  const core = radius * Math.min(1, Math.max(0, brush.hardness))
  const inner = Math.max(0, core - 0.5)
  const outer = radius + 0.5
  const fade = 1 / (outer - inner)
  const dx = b.x - a.x
  const dy = b.y - a.y
  const length2 = dx * dx + dy * dy
  const outer2 = outer * outer
  const inner2 = inner * inner
  const { data } = mask
  for (let y = box.y; y < box.y + box.height; y++) {
    const py = y + 0.5 - a.y
    for (let x = box.x, at = y * width + box.x; x < box.x + box.width; x++, at++) {
      const px = x + 0.5 - a.x
      const along = length2 > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length2)) : 0
      const ex = px - along * dx
      const ey = py - along * dy
      const far2 = ex * ex + ey * ey
      if (far2 >= outer2) continue
      let value = 255
      if (far2 > inner2) {
        const t = (outer - Math.sqrt(far2)) * fade
        value = 255 * t * t * (3 - 2 * t)
      }
      const before = base[at]!
      if (erase) {
        const left = Math.min(before, 255 - value)
        if (left < data[at]!) data[at] = left
      } else {
        const now = Math.max(before, value)
        if (now > data[at]!) data[at] = now
      }
    }
  }
  return box
}

/** Fill or clear a rectangle. */
export function fillBox(mask: Mask, box: Rect, erase = false): Rect {
  const r = cut(box, mask.extent)
  for (let y = r.y; y < r.y + r.height; y++) {
    const from = y * mask.width + r.x
    mask.data.fill(erase ? 0 : 255, from, from + r.width)
  }
  return r
}

/** Fill or clear a polygon (even-odd), with edges smoothed over four lines a pixel row. */
export function fillPolygon(mask: Mask, points: readonly Point[], erase = false): Rect {
  if (points.length < 3) return EMPTY
  const xs = points.map((p) => p.x)
  const ys = points.map((p) => p.y)
  const box = spanning(
    { x: Math.min(...xs), y: Math.min(...ys) },
    { x: Math.max(...xs), y: Math.max(...ys) },
    mask.extent,
  )
  if (isEmpty(box)) return EMPTY
  const LINES = 4
  const cover = new Float32Array(box.width)
  for (let y = box.y; y < box.y + box.height; y++) {
    cover.fill(0)
    for (let line = 0; line < LINES; line++) {
      const crossings = crossingsAt(points, y + (line + 0.5) / LINES)
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        addSpan(cover, crossings[i]! - box.x, crossings[i + 1]! - box.x, 1 / LINES)
      }
    }
    const from = y * mask.width + box.x
    for (let x = 0; x < box.width; x++) {
      const value = Math.round(255 * Math.min(1, cover[x]!))
      const at = from + x
      mask.data[at] = erase
        ? Math.min(mask.data[at]!, 255 - value)
        : Math.max(mask.data[at]!, value)
    }
  }
  return box
}

function crossingsAt(points: readonly Point[], y: number): number[] {
  const found: number[] = []
  for (let i = 0; i < points.length; i++) {
    const a = points[i]!
    const b = points[(i + 1) % points.length]!
    if (a.y <= y !== b.y <= y) found.push(a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x))
  }
  return found.sort((one, two) => one - two)
}

function addSpan(cover: Float32Array, from: number, to: number, part: number): void {
  const left = Math.max(0, from)
  const right = Math.min(cover.length, to)
  for (let x = Math.floor(left); x < right; x++) {
    cover[x]! += part * (Math.min(right, x + 1) - Math.max(left, x))
  }
}

export function invert(mask: Mask): Rect {
  const { data } = mask
  for (let at = 0; at < data.length; at++) data[at] = 255 - data[at]!
  return mask.whole
}

export function clear(mask: Mask): Rect {
  const touched = mask.bounds()
  mask.data.fill(0)
  return touched
}
