/** Token maps in the browser: what came with the version, as bytes. Pure; drawing is elsewhere. */
import type { TokenMaps } from '../api/types'
import type { Point, Rect } from './geometry'

export interface HeatMaps {
  rows: number
  columns: number
  region: Rect
  words: HeatWord[]
  /** words x rows x columns, each word scaled to its own maximum. */
  data: Uint8Array
}

export interface HeatWord {
  text: string
  start: number
  end: number
  weight: number
  share: number
  /** The largest attention of the word, by which its bytes are scaled. */
  maximum: number
}

export function decodeBase64(text: string): Uint8Array {
  const raw = atob(text)
  const bytes = new Uint8Array(raw.length)
  for (let at = 0; at < raw.length; at++) bytes[at] = raw.charCodeAt(at)
  return bytes
}

/** Token maps as the server sends them; `size` is the picture's, where they are of all of it. */
export function heatMaps(maps: TokenMaps, size?: { width: number; height: number }): HeatMaps {
  const [x, y, width, height] = maps.region ?? [0, 0, size?.width ?? 0, size?.height ?? 0]
  return {
    rows: maps.rows,
    columns: maps.columns,
    region: { x: x!, y: y!, width: width!, height: height! },
    words: maps.words.map((word, index) => ({ ...word, maximum: maps.maximum[index] ?? 0 })),
    data: decodeBase64(maps.data),
  }
}

/** The bytes of one word, rows x columns. */
export function plane(maps: HeatMaps, word: number): Uint8Array {
  const size = maps.rows * maps.columns
  return maps.data.subarray(word * size, (word + 1) * size)
}

/** The mean of several words (a phrase), scaled to its own maximum again. */
export function phrase(maps: HeatMaps, words: readonly number[]): Uint8Array {
  const size = maps.rows * maps.columns
  const sum = new Float32Array(size)
  for (const word of words) {
    const scale = maps.words[word]?.maximum ?? 0
    const bytes = plane(maps, word)
    for (let at = 0; at < size; at++) sum[at]! += bytes[at]! * scale
  }
  const peak = sum.reduce((most, value) => Math.max(most, value), 0)
  return Uint8Array.from(sum, (value) => (peak > 0 ? Math.round((255 * value) / peak) : 0))
}

export interface WordAt {
  index: number
  text: string
  /** The part of the place's attention, 0 to 1. */
  part: number
}

/** The words that drew a place, strongest first; none outside the maps' region. */
export function wordsAt(maps: HeatMaps, at: Point): WordAt[] {
  const { region, rows, columns } = maps
  const row = Math.floor(((at.y - region.y) * rows) / region.height)
  const column = Math.floor(((at.x - region.x) * columns) / region.width)
  if (row < 0 || column < 0 || row >= rows || column >= columns) return []
  const held = maps.words.map((word, index) => ({
    index,
    text: word.text,
    part: (maps.data[(index * rows + row) * columns + column]! / 255) * word.maximum,
  }))
  const total = held.reduce((sum, word) => sum + word.part, 0) || 1
  return held
    .map((word) => ({ ...word, part: word.part / total }))
    .sort((a, b) => b.part - a.part)
}

/**
 * RGBA of a veil: dark where the word did not look, clear where it did, so that the picture itself
 * is lit by the word. `strength` is how dark the veil gets (0 to 1).
 */
export function veil(bytes: Uint8Array, strength = 0.8): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(bytes.length * 4)
  for (let at = 0; at < bytes.length; at++) {
    const lit = smooth(bytes[at]! / 255)
    out[at * 4] = out[at * 4 + 1] = out[at * 4 + 2] = 10
    out[at * 4 + 3] = Math.round(255 * strength * (1 - lit))
  }
  return out
}

/** RGBA of a colour ramp, dark violet to pale yellow, with alpha rising with the heat. */
export function ramp(bytes: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(bytes.length * 4)
  for (let at = 0; at < bytes.length; at++) {
    const t = bytes[at]! / 255
    const place = Math.min(RAMP.length - 2, Math.floor(t * (RAMP.length - 1)))
    const part = t * (RAMP.length - 1) - place
    const a = RAMP[place]!
    const b = RAMP[place + 1]!
    for (let c = 0; c < 3; c++) out[at * 4 + c] = a[c]! + (b[c]! - a[c]!) * part
    out[at * 4 + 3] = Math.round(255 * (0.35 + 0.5 * t))
  }
  return out
}

const RAMP: readonly (readonly [number, number, number])[] = [
  [20, 11, 53],
  [87, 16, 110],
  [159, 42, 99],
  [212, 72, 66],
  [245, 125, 21],
  [250, 193, 39],
  [252, 255, 164],
]

/** A gentle knee, so that faint attention stays dark. */
const smooth = (t: number): number => {
  const u = Math.min(1, Math.max(0, (t - 0.12) / 0.75))
  return u * u * (3 - 2 * u)
}

/** Which word of the maps each typed chip is: by its letters and how often they came before. */
export function matched(chips: readonly { text: string }[], words: readonly { text: string }[]): number[] {
  const places = new Map<string, number[]>()
  words.forEach((word, index) => {
    const key = plain(word.text)
    places.set(key, [...(places.get(key) ?? []), index])
  })
  return chips.map((chip) => places.get(plain(chip.text))?.shift() ?? -1)
}

export const plain = (word: string): string =>
  word.replace(/^[\s.,;:!?()[\]{}"'“”‘’|]+|[\s.,;:!?()[\]{}"'“”‘’|]+$/g, '').toLowerCase()
