import { describe, expect, it } from 'vitest'
import { cells, lockedParts, marked } from '../src/playbooks/marked'
import { starter } from '../src/playbooks/starter'

describe('a template for the eye', () => {
  it('tells holes, choices, lists, comments and locked words apart', () => {
    const parts = marked('# note\nan ${colour:Acme red} {a|b} __light/*__ <lock:soft light> \\{x')
    expect(parts.filter((part) => part.kind !== 'plain').map((part) => [part.kind, part.text])).toEqual([
      ['comment', '# note'], ['hole', '${colour:Acme red}'], ['choice', '{'], ['choice', '|'], ['choice', '}'],
      ['list', '__light/*__'], ['lock', '<lock:soft light>'],
    ])
  })

  it('never loses a letter', () => {
    for (const text of ['${', '{a|{b|c}}', 'a#b #c', '__x', '<lock:', '\\']) {
      expect(marked(text).map((part) => part.text).join('')).toBe(text)
    }
  })

  it('finds the locked words of a text, the longest first', () => {
    expect(lockedParts('An acme red mug', ['red', 'Acme red'])).toEqual([
      { kind: 'plain', text: 'An ' }, { kind: 'lock', text: 'acme red' }, { kind: 'plain', text: ' mug' },
    ])
    expect(lockedParts('plain', [])).toEqual([{ kind: 'plain', text: 'plain' }])
  })
})

describe('a pasted table', () => {
  it('is read by tabs or commas, quotes hold', () => {
    expect(cells('a\tb\r\nc\td\n')).toEqual([['a', 'b'], ['c', 'd']])
    expect(cells('mug,"red, dark"\nvase,')).toEqual([['mug', 'red, dark'], ['vase', '']])
    expect(cells('"say ""hi""",x')).toEqual([['say "hi"', 'x']])
  })
})

describe('a first playbook', () => {
  it('describes every hole once', () => {
    const text = starter('a ${what} and ${what:x} in ${where}')
    expect(text.match(/what: \{about/g)).toHaveLength(1)
    expect(text).toContain('where: {about')
  })
})
