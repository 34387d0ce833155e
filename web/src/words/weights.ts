/** What changed between two readings of a prompt. Pure. */
import type { Chip } from '../api/types'
import { plain } from '../canvas/heat'

/** Which words weigh differently now; null if anything but weights changed. */
export function changedWeights(
  now: readonly Chip[],
  before: readonly Chip[],
): Record<string, number> | null {
  if (now.length !== before.length) return null
  const names = named(now)
  const changed: Record<string, number> = {}
  for (let at = 0; at < now.length; at++) {
    const a = now[at]!
    const b = before[at]!
    if (a.kind !== b.kind || plain(a.text) !== plain(b.text)) return null
    if (Math.abs(a.weight - b.weight) > 0.001) {
      if (a.kind !== 'word') return null
      changed[names[at]!] = a.weight
    }
  }
  return changed
}

/** Words as operations call them: twins are told apart by #1, #2. */
export function named(chips: readonly { text: string }[]): string[] {
  const total = new Map<string, number>()
  for (const chip of chips) total.set(plain(chip.text), (total.get(plain(chip.text)) ?? 0) + 1)
  const seen = new Map<string, number>()
  return chips.map((chip) => {
    const key = plain(chip.text)
    seen.set(key, (seen.get(key) ?? 0) + 1)
    return (total.get(key) ?? 0) > 1 ? `${key}#${seen.get(key)}` : key
  })
}

/** 1.5 as people write it. */
export const weightText = (weight: number): string => String(Math.round(weight * 100) / 100)

/** Where phrases stand in a text, whatever their case: [start, end] of each time. */
export function places(text: string, phrases: readonly string[]): [number, number][] {
  const low = text.toLowerCase()
  return phrases.flatMap((phrase) => {
    const found: [number, number][] = []
    for (let at = low.indexOf(phrase.toLowerCase()); phrase && at >= 0; at = low.indexOf(phrase.toLowerCase(), at + 1)) {
      found.push([at, at + phrase.length])
    }
    return found
  })
}
