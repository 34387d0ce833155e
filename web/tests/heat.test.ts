import { describe, expect, it } from 'vitest'
import { type HeatMaps, matched, phrase, plane, ramp, veil, wordsAt } from '../src/canvas/heat'

const word = (text: string, maximum: number) => ({ text, start: 0, end: 0, weight: 1, share: 0.5, maximum })
const maps: HeatMaps = {
  rows: 2,
  columns: 2,
  region: { x: 10, y: 0, width: 20, height: 20 },
  words: [word('full', 0.1), word('moon', 0.4)],
  data: Uint8Array.from([255, 0, 0, 0, 255, 128, 0, 0]),
}

describe('token maps', () => {
  it('give a word its own bytes', () => {
    expect([...plane(maps, 1)]).toEqual([255, 128, 0, 0])
  })

  it('weigh the words of a phrase by what they really held', () => {
    expect([...phrase(maps, [0, 1])]).toEqual([255, 102, 0, 0])
  })

  it('list the words of a place, strongest first, as parts of the whole', () => {
    const found = wordsAt(maps, { x: 12, y: 3 })
    expect(found.map((one) => one.text)).toEqual(['moon', 'full'])
    expect(found[0]!.part).toBeCloseTo(0.8)
    expect(wordsAt(maps, { x: 2, y: 3 })).toEqual([])
    expect(wordsAt(maps, { x: 30, y: 3 })).toEqual([])
  })

  it('light the picture where the word looked and veil the rest', () => {
    const pixels = veil(Uint8Array.from([0, 255]))
    expect(pixels[3]).toBeGreaterThan(200)
    expect(pixels[7]).toBe(0)
    expect(ramp(Uint8Array.from([0, 255]))[7]).toBeGreaterThan(ramp(Uint8Array.from([0, 255]))[3]!)
  })

  it('find a typed word again, whatever its brackets, and tell twins apart', () => {
    const typed = [{ text: 'Moon,' }, { text: 'wolf' }, { text: 'moon' }, { text: 'moon' }]
    expect(matched(typed, [{ text: 'moon' }, { text: 'wolf' }, { text: 'moon' }])).toEqual([0, 1, 2, -1])
  })
})
