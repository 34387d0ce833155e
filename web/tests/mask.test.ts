import { describe, expect, it } from 'vitest'
import { parseBox } from '../src/canvas/geometry'
import { Mask, clear, fillBox, fillPolygon, invert, stroke } from '../src/canvas/mask'
import { feather, grow } from '../src/canvas/morph'
import { Undo } from '../src/canvas/undo'

const painted = (mask: Mask, x: number, y: number) => mask.data[y * mask.width + x]

describe('a stroke', () => {
  it('paints a disc of its radius where it only touches', () => {
    const mask = new Mask(64, 64)
    const base = mask.data.slice()
    const box = stroke(mask, base, { x: 32, y: 32 }, { x: 32, y: 32 }, { radius: 10, hardness: 1 }, false)
    expect(mask.area() * 64 * 64).toBeCloseTo(Math.PI * 100, -1)
    expect(painted(mask, 32, 32)).toBe(255)
    expect(painted(mask, 32, 50)).toBe(0)
    expect(box.width).toBeLessThanOrEqual(24)
  })

  it('does not build up where a soft brush passes twice in one stroke', () => {
    const once = new Mask(64, 64)
    const twice = new Mask(64, 64)
    const brush = { radius: 12, hardness: 0.2 }
    const a = { x: 10, y: 30 }
    const b = { x: 50, y: 30 }
    stroke(once, new Uint8Array(64 * 64), a, b, brush, false)
    const base = twice.data.slice()
    stroke(twice, base, a, b, brush, false)
    stroke(twice, base, b, a, brush, false)
    expect(twice.data).toEqual(once.data)
  })

  it('is cut at the border of the picture and touches nothing outside', () => {
    const mask = new Mask(16, 16)
    const box = stroke(mask, mask.data.slice(), { x: -5, y: 8 }, { x: 2, y: 8 }, { radius: 3, hardness: 1 }, false)
    expect(box.x).toBe(0)
    expect(painted(mask, 0, 8)).toBe(255)
    expect(painted(mask, 15, 8)).toBe(0)
    expect(stroke(mask, mask.data.slice(), { x: -50, y: 8 }, { x: -40, y: 8 }, { radius: 3, hardness: 1 }, false).width).toBe(0)
  })

  it('takes away with the eraser', () => {
    const mask = new Mask(32, 32)
    fillBox(mask, mask.whole)
    stroke(mask, mask.data.slice(), { x: 16, y: 16 }, { x: 16, y: 16 }, { radius: 5, hardness: 1 }, true)
    expect(painted(mask, 16, 16)).toBe(0)
    expect(painted(mask, 2, 2)).toBe(255)
  })
})

describe('shapes', () => {
  it('fill a box and find it again', () => {
    const mask = new Mask(40, 30)
    fillBox(mask, { x: 5, y: 6, width: 7, height: 8 })
    expect(mask.bounds()).toEqual({ x: 5, y: 6, width: 7, height: 8 })
    expect(mask.area()).toBeCloseTo(56 / 1200)
  })

  it('fill a lasso by even and odd', () => {
    const mask = new Mask(20, 20)
    fillPolygon(mask, [
      { x: 2, y: 2 },
      { x: 18, y: 2 },
      { x: 18, y: 18 },
      { x: 2, y: 18 },
    ])
    expect(mask.bounds()).toEqual({ x: 2, y: 2, width: 16, height: 16 })
    expect(fillPolygon(mask, [{ x: 1, y: 1 }, { x: 2, y: 2 }]).width).toBe(0)
  })

  it('invert and clear', () => {
    const mask = new Mask(8, 8)
    fillBox(mask, { x: 0, y: 0, width: 4, height: 8 })
    invert(mask)
    expect(mask.bounds()).toEqual({ x: 4, y: 0, width: 4, height: 8 })
    clear(mask)
    expect(mask.area()).toBe(0)
    expect(mask.bounds().width).toBe(0)
  })

  it('read a box as people type it', () => {
    expect(parseBox('0, 120 256;60', { width: 256, height: 256 })).toEqual({ x: 0, y: 120, width: 256, height: 60 })
    expect(parseBox('0,120,256', { width: 256, height: 256 })).toBeNull()
    expect(parseBox('300,300,5,5', { width: 256, height: 256 })).toBeNull()
  })
})

describe('growing, shrinking, feathering', () => {
  it('grows by true distance: corners become round', () => {
    const mask = new Mask(64, 64)
    fillBox(mask, { x: 20, y: 20, width: 20, height: 20 })
    grow(mask, 5)
    expect(mask.bounds()).toEqual({ x: 15, y: 15, width: 30, height: 30 })
    expect(painted(mask, 15, 15)).toBe(0)
    expect(painted(mask, 30, 16)).toBe(255)
  })

  it('shrinks by as much, and away when it is thinner', () => {
    const mask = new Mask(64, 64)
    fillBox(mask, { x: 20, y: 20, width: 20, height: 20 })
    grow(mask, -5)
    expect(painted(mask, 30, 30)).toBe(255)
    expect(painted(mask, 23, 30)).toBe(0)
    grow(mask, -20)
    expect(mask.area()).toBe(0)
  })

  it('softens the edge and keeps the amount', () => {
    const mask = new Mask(64, 64)
    fillBox(mask, { x: 20, y: 20, width: 24, height: 24 })
    const before = mask.area()
    feather(mask, 6)
    expect(painted(mask, 20, 32)).toBeGreaterThan(0)
    expect(painted(mask, 20, 32)).toBeLessThan(255)
    expect(mask.area()).toBeCloseTo(before, 2)
  })
})

describe('undo', () => {
  it('goes back and forth through every stroke, bytes and all', () => {
    const mask = new Mask(32, 32)
    const undo = new Undo()
    const states = [mask.data.slice()]
    for (let turn = 0; turn < 4; turn++) {
      const base = mask.data.slice()
      const box = stroke(mask, base, { x: turn * 6, y: 9 }, { x: 20, y: turn * 7 }, { radius: 4, hardness: 0.5 }, turn === 3)
      undo.note(mask, base, box, 'Brush')
      states.push(mask.data.slice())
    }
    for (let turn = 3; turn >= 0; turn--) {
      undo.undo(mask)
      expect(mask.data).toEqual(states[turn])
    }
    expect(undo.undo(mask)).toBeNull()
    while (undo.canRedo) undo.redo(mask)
    expect(mask.data).toEqual(states[4])
  })

  it('forgets what was undone once something new is painted, and the oldest past its limit', () => {
    const mask = new Mask(32, 32)
    const undo = new Undo(3000)
    for (let turn = 0; turn < 5; turn++) {
      const base = mask.data.slice()
      undo.note(mask, base, invert(mask), 'Invert')
    }
    undo.undo(mask)
    expect(undo.canRedo).toBe(true)
    const base = mask.data.slice()
    undo.note(mask, base, fillBox(mask, mask.whole), 'Box')
    undo.note(mask, mask.data.slice(), mask.whole, 'Nothing')
    expect(undo.canRedo).toBe(false)
    let steps = 0
    while (undo.undo(mask)) steps++
    expect(steps).toBeLessThan(3)
  })
})
