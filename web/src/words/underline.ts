/** A text cut at its marked places, for underlining what was typed. Pure. */
export interface Marked {
  start: number
  end: number
  kind: 'error' | 'warning' | 'unknown'
  message: string
}

export interface Piece {
  text: string
  mark: Marked | null
}

export function pieces(text: string, marks: readonly Marked[]): Piece[] {
  const sorted = marks
    .map((mark) => ({ ...mark, start: Math.max(0, mark.start), end: Math.min(text.length, Math.max(mark.end, mark.start + 1)) }))
    .filter((mark) => mark.start < mark.end)
    .sort((a, b) => a.start - b.start)
  const found: Piece[] = []
  let at = 0
  for (const mark of sorted) {
    if (mark.start < at) continue // the first of two that overlap stands
    if (mark.start > at) found.push({ text: text.slice(at, mark.start), mark: null })
    found.push({ text: text.slice(mark.start, mark.end), mark })
    at = mark.end
  }
  if (at < text.length) found.push({ text: text.slice(at), mark: null })
  return found
}
