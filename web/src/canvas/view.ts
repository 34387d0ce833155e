/** Where the picture lies in the window: one scale and the place of its top left corner. Pure. */
import type { Extent, Point } from './geometry'

export interface View {
  scale: number
  x: number
  y: number
}

export const SMALLEST = 0.05
export const LARGEST = 64

/**
 * The whole picture, centred, with room around it and for what lies along the top and the bottom
 * edge; small pictures are enlarged.
 */
export function fit(picture: Extent, window: Extent, margin = 24, top = 0, foot = 0): View {
  const room = { width: window.width - 2 * margin, height: window.height - 2 * margin - top - foot }
  const scale = Math.max(
    SMALLEST,
    Math.min(room.width / picture.width, room.height / picture.height, LARGEST),
  )
  const view = centred(picture, { width: window.width, height: window.height - top - foot }, scale)
  return { ...view, y: view.y + top }
}

export function centred(picture: Extent, window: Extent, scale: number): View {
  return {
    scale,
    x: Math.round((window.width - picture.width * scale) / 2),
    y: Math.round((window.height - picture.height * scale) / 2),
  }
}

/** Zoom so that the place under `at` (window pixels) stays under it. */
export function zoom(view: View, at: Point, factor: number): View {
  const scale = Math.min(LARGEST, Math.max(SMALLEST, view.scale * factor))
  const ratio = scale / view.scale
  return { scale, x: at.x - (at.x - view.x) * ratio, y: at.y - (at.y - view.y) * ratio }
}

export function pan(view: View, by: Point): View {
  return { ...view, x: view.x + by.x, y: view.y + by.y }
}

/** Keep a part of the picture in sight. */
export function kept(view: View, picture: Extent, window: Extent, least = 48): View {
  const width = picture.width * view.scale
  const height = picture.height * view.scale
  return {
    scale: view.scale,
    x: Math.min(window.width - least, Math.max(least - width, view.x)),
    y: Math.min(window.height - least, Math.max(least - height, view.y)),
  }
}

export const toPicture = (view: View, at: Point): Point => ({
  x: (at.x - view.x) / view.scale,
  y: (at.y - view.y) / view.scale,
})

export const toWindow = (view: View, at: Point): Point => ({
  x: at.x * view.scale + view.x,
  y: at.y * view.scale + view.y,
})

/** Two fingers: move and zoom so that both places stay under them. */
export function pinched(view: View, from: [Point, Point], to: [Point, Point]): View {
  const middle = (pair: [Point, Point]) => ({
    x: (pair[0].x + pair[1].x) / 2,
    y: (pair[0].y + pair[1].y) / 2,
  })
  const apart = (pair: [Point, Point]) => Math.hypot(pair[0].x - pair[1].x, pair[0].y - pair[1].y)
  const before = middle(from)
  const after = middle(to)
  const moved = pan(view, { x: after.x - before.x, y: after.y - before.y })
  return zoom(moved, after, Math.max(0.1, apart(to) / Math.max(1, apart(from))))
}
