/** Sorting and walking a contact sheet. Pure. */
import type { Pick, Rating, Summary } from '../api/types'

export type Sort = 'newest' | 'score' | 'variety' | 'rating'

const worth = (rating: Rating): number => (rating === 'x' ? -1 : (rating ?? 0))

export function sorted(items: readonly Summary[], by: Sort, picks: ReadonlyMap<string, Pick>): Summary[] {
  const list = [...items]
  if (by === 'rating') list.sort((a, b) => worth(b.rating) - worth(a.rating))
  if (by === 'score') {
    const score = (version: Summary) => picks.get(version.id)?.score ?? -Infinity
    list.sort((a, b) => score(b) - score(a))
  }
  if (by === 'variety') {
    // In the order in which each adds most to those before it; look-alikes of them come last.
    const turn = (version: Summary) => picks.get(version.id)?.suggested ?? Infinity
    const score = (version: Summary) => picks.get(version.id)?.score ?? -Infinity
    list.sort((a, b) => (turn(a) === turn(b) ? score(b) - score(a) : turn(a) - turn(b)))
  }
  return list
}

export interface Place {
  x: number
  y: number
}

/** Where an arrow key leads on a sheet of pictures that stand at these places, row by row. */
export function step(at: number, key: string, places: readonly Place[]): number {
  const from = places[at]
  const last = places.length - 1
  if (!from) return 0
  switch (key) {
    case 'ArrowLeft':
      return Math.max(0, at - 1)
    case 'ArrowRight':
      return Math.min(last, at + 1)
    case 'Home':
      return 0
    case 'End':
      return last
    case 'ArrowUp':
    case 'ArrowDown': {
      const way = key === 'ArrowUp' ? -1 : 1
      const beyond = places.map((place, index) => ({ ...place, index })).filter((place) => (place.y - from.y) * way > 1)
      const row = Math.min(...beyond.map((place) => Math.abs(place.y - from.y)))
      const near = beyond.filter((place) => Math.abs(Math.abs(place.y - from.y) - row) <= 1)
      near.sort((a, b) => Math.abs(a.x - from.x) - Math.abs(b.x - from.x))
      return near[0]?.index ?? at
    }
    default:
      return at
  }
}
