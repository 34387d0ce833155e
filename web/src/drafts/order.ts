/** Sorting and walking a contact sheet. Pure. */
import type { Pick, Rating, Summary } from '../api/types'

export type Sort = 'newest' | 'score' | 'rating'

const worth = (rating: Rating): number => (rating === 'x' ? -1 : (rating ?? 0))

export function sorted(items: readonly Summary[], by: Sort, picks: ReadonlyMap<string, Pick>): Summary[] {
  const list = [...items]
  if (by === 'rating') list.sort((a, b) => worth(b.rating) - worth(a.rating))
  if (by === 'score') {
    const score = (version: Summary) => picks.get(version.id)?.score ?? -Infinity
    list.sort((a, b) => score(b) - score(a))
  }
  return list
}

/** Where an arrow key leads on a grid of so many columns. */
export function step(at: number, key: string, columns: number, count: number): number {
  const by: Record<string, number> = {
    ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -at, End: count - 1 - at,
  }
  const next = at + (by[key] ?? 0)
  return next < 0 || next >= count ? at : next
}
