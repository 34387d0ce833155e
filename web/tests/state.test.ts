import { describe, expect, it } from 'vitest'
import type { Comparison, Pick, Summary } from '../src/api/types'
import { parameterChanges, wordChanges } from '../src/compare/changes'
import { sorted, step } from '../src/drafts/order'
import { about, percent, seconds } from '../src/state/format'
import { href, parse } from '../src/state/router'

const V = '3f2a9c0d4e5b6a79'

describe('addresses', () => {
  it('lead back to where they came from', () => {
    for (const path of ['/', '/p/a', `/p/a/v/${V}`, '/p/a/drafts', '/p/a/library', `/p/a/library/like/${V}`, '/p/a/campaigns', '/p/a/campaigns/autumn', `/p/a/compare/${V}/${V}`]) {
      expect(href(parse(path))).toBe(path)
    }
  })

  it('bear nonsense', () => {
    expect(parse('/p/a/compare/only')).toEqual({ screen: 'refine', project: 'a', version: null })
    expect(parse('/elsewhere')).toEqual({ screen: 'start' })
  })
})

describe('numbers', () => {
  it('have units and no false exactness', () => {
    expect([seconds(0.2), seconds(6.24), seconds(42.4), seconds(200), seconds(7200)]).toEqual(['under 1 s', '6.2 s', '42 s', '3 min', '2 h'])
    expect(about(5.6)).toBe('about 6 s')
    expect([percent(0.003), percent(0), percent(0.256)]).toEqual(['< 1 %', '0 %', '26 %'])
  })
})

describe('a contact sheet', () => {
  const draft = (id: string, rating: Summary['rating'] = null) => ({ id, rating }) as Summary
  const items = [draft('a'), draft('b', 4), draft('c', 'x'), draft('d', 5)]

  it('sorts by rating with rejected ones last, and by score', () => {
    const ids = (list: Summary[]) => list.map((item) => item.id).join('')
    expect(ids(sorted(items, 'rating', new Map()))).toBe('dbac')
    const pick = (version: string, score: number) => [version, { version, score } as Pick] as const
    expect(ids(sorted(items, 'score', new Map([pick('c', 0.2), pick('b', 0.9)])))).toBe('bcad')
    expect(ids(sorted(items, 'newest', new Map()))).toBe('abcd')
    const turn = (version: string, suggested: number | null, score: number) => [version, { version, suggested, score } as Pick] as const
    const picks = new Map([turn('a', null, 0.3), turn('b', 2, 0.1), turn('c', null, 0.4), turn('d', 1, 0.2)])
    expect(ids(sorted(items, 'variety', picks))).toBe('dbca')
  })

  it('is walked by arrows and has ends', () => {
    // Three in a row; the first row begins with a draft that is still drawn, so it holds two.
    const places = [1, 2, 3, 4, 5, 6, 7].map((at) => ({ x: (at % 3) * 100, y: Math.floor(at / 3) * 120 }))
    expect(['ArrowRight', 'ArrowDown', 'ArrowUp', 'ArrowLeft'].map((key) => step(0, key, places))).toEqual([1, 3, 0, 0])
    expect([step(3, 'ArrowUp', places), step(4, 'ArrowDown', places), step(6, 'ArrowUp', places)]).toEqual([0, 6, 3])
    expect([step(4, 'Home', places), step(4, 'End', places)]).toEqual([0, 6])
  })
})

describe('a comparison', () => {
  const comparison = {
    words: { added: ['fog'], removed: ['mist'], reweighted: [['moon', 1, 1.5]] },
    parameters: { 'sampling.steps': [8, 40], 'task.mask': ['a', 'b'], 'prompt.negative': ['', 'text'] },
  } as unknown as Comparison

  it('is told in words', () => {
    expect(wordChanges(comparison).map((change) => `${change.word} ${change.says}`)).toEqual(['moon 1 → 1.5', 'fog added', 'mist removed'])
    expect(parameterChanges(comparison)).toEqual([
      { name: 'Steps', before: '8', after: '40' },
      { name: 'Negative', before: 'none', after: 'text' },
    ])
  })

  it('does not call the words around a replacement removed', () => {
    const local = { ...comparison, parameters: { 'task.kind': ['text-to-image', 'inpaint'] } } as unknown as Comparison
    expect(wordChanges(local).map((change) => `${change.word} ${change.says}`)).toEqual(['moon 1 → 1.5', 'fog in the replaced area'])
  })
})
