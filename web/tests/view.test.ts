import { describe, expect, it } from 'vitest'
import { fit, kept, pinched, toPicture, toWindow, zoom } from '../src/canvas/view'

const picture = { width: 256, height: 256 }
const window_ = { width: 800, height: 600 }

describe('the view', () => {
  it('fits the whole picture in the middle', () => {
    const view = fit(picture, window_, 20)
    expect(view.scale).toBeCloseTo(560 / 256)
    expect(toWindow(view, { x: 128, y: 128 })).toEqual({ x: 400, y: 300 })
  })

  it('leaves room for what lies along the top and the bottom', () => {
    const view = fit(picture, window_, 20, 40, 60)
    expect(view.scale).toBeCloseTo(460 / 256)
    expect(toWindow(view, { x: 0, y: 0 }).y).toBe(60)
    expect(toWindow(view, { x: 0, y: 256 }).y).toBe(520)
  })

  it('keeps the place under the pointer while zooming', () => {
    const view = fit(picture, window_)
    const at = { x: 300, y: 200 }
    const before = toPicture(view, at)
    const after = toPicture(zoom(view, at, 3), at)
    expect(after.x).toBeCloseTo(before.x)
    expect(after.y).toBeCloseTo(before.y)
  })

  it('moves and zooms with two fingers', () => {
    const view = { scale: 1, x: 0, y: 0 }
    const now = pinched(view, [{ x: 0, y: 0 }, { x: 100, y: 0 }], [{ x: 10, y: 5 }, { x: 210, y: 5 }])
    expect(now.scale).toBeCloseTo(2)
    expect(toWindow(now, { x: 0, y: 0 }).x).toBeCloseTo(10)
    expect(toWindow(now, { x: 100, y: 0 }).x).toBeCloseTo(210)
  })

  it('never loses the picture out of sight', () => {
    const far = kept({ scale: 1, x: 5000, y: -5000 }, picture, window_)
    expect(far.x).toBeLessThan(800)
    expect(far.y).toBeGreaterThan(-256)
  })
})
