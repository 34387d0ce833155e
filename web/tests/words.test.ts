import { describe, expect, it } from 'vitest'
import type { Chip } from '../src/api/types'
import { pieces } from '../src/words/underline'
import { changedWeights, named, places } from '../src/words/weights'

const chip = (text: string, weight = 1, kind: Chip['kind'] = 'word'): Chip => ({ text, start: 0, end: 0, weight, kind, known: true })

describe('what changed between two readings', () => {
  const before = [chip('a'), chip('full'), chip('moon'), chip('moon')]

  it('names the words that weigh differently, twins by their number', () => {
    expect(changedWeights([chip('a'), chip('full', 1.2), chip('moon'), chip('Moon,', 1.5)], before)).toEqual({ full: 1.2, 'moon#2': 1.5 })
    expect(changedWeights(before, before)).toEqual({})
  })

  it('is no mere change of weights when a word came, went or changed', () => {
    expect(changedWeights(before.slice(1), before)).toBeNull()
    expect(changedWeights([chip('a'), chip('half'), chip('moon'), chip('moon')], before)).toBeNull()
    expect(changedWeights([chip('x', 2, 'lora')], [chip('x', 1, 'lora')])).toBeNull()
  })

  it('calls words as operations do', () => {
    expect(named([chip('wolf'), chip('Wolf'), chip('moon.')])).toEqual(['wolf#1', 'wolf#2', 'moon'])
  })
})

describe('underlining', () => {
  const mark = (start: number, end: number) => ({ start, end, kind: 'error' as const, message: '' })

  it('cuts the text at its marks and loses no letter', () => {
    const cut = pieces('a (moon and b', [mark(8, 11), mark(2, 7)])
    expect(cut.map((piece) => piece.text)).toEqual(['a ', '(moon', ' ', 'and', ' b'])
    expect(cut.map((piece) => piece.text).join('')).toBe('a (moon and b')
  })

  it('bears marks that overlap, are empty or lie outside', () => {
    const cut = pieces('moon', [mark(0, 3), mark(2, 4), mark(9, 12), mark(3, 3)])
    expect(cut.map((piece) => piece.text)).toEqual(['moo', 'n'])
  })
})

describe('locked words', () => {
  it('are found wherever they stand', () => {
    expect(places('an acme red mug in Acme red', ['Acme red', ''])).toEqual([[3, 11], [19, 27]])
    expect(places('plain', ['red'])).toEqual([])
  })
})
