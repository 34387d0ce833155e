/** Rectangles and points in whole pixels of a picture. Pure. */

export interface Point {
  x: number
  y: number
}

export interface Rect {
  x: number
  y: number
  width: number
  height: number
}

export interface Extent {
  width: number
  height: number
}

export const EMPTY: Rect = { x: 0, y: 0, width: 0, height: 0 }

export const isEmpty = (r: Rect): boolean => r.width <= 0 || r.height <= 0

/** The smallest rectangle of whole pixels that holds both corners, cut to the extent. */
export function spanning(a: Point, b: Point, within: Extent): Rect {
  const x = Math.max(0, Math.floor(Math.min(a.x, b.x)))
  const y = Math.max(0, Math.floor(Math.min(a.y, b.y)))
  const right = Math.min(within.width, Math.ceil(Math.max(a.x, b.x)))
  const bottom = Math.min(within.height, Math.ceil(Math.max(a.y, b.y)))
  return { x, y, width: Math.max(0, right - x), height: Math.max(0, bottom - y) }
}

export function union(a: Rect, b: Rect): Rect {
  if (isEmpty(a)) return b
  if (isEmpty(b)) return a
  const x = Math.min(a.x, b.x)
  const y = Math.min(a.y, b.y)
  return {
    x,
    y,
    width: Math.max(a.x + a.width, b.x + b.width) - x,
    height: Math.max(a.y + a.height, b.y + b.height) - y,
  }
}

export function cut(r: Rect, within: Extent): Rect {
  return spanning(r, { x: r.x + r.width, y: r.y + r.height }, within)
}

export function grown(r: Rect, by: number, within: Extent): Rect {
  if (isEmpty(r)) return EMPTY
  return cut(
    { x: r.x - by, y: r.y - by, width: r.width + 2 * by, height: r.height + 2 * by },
    within,
  )
}

/** 'x,y,width,height' as people type it; null where it is none or lies outside. */
export function parseBox(text: string, within: Extent): Rect | null {
  const numbers = text
    .trim()
    .split(/[\s,;]+/)
    .map(Number)
  if (numbers.length !== 4 || numbers.some((n) => !Number.isFinite(n))) return null
  const [x, y, width, height] = numbers as [number, number, number, number]
  const box = cut({ x, y, width, height }, within)
  return isEmpty(box) ? null : box
}
