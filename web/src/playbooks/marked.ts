/** A template's text in parts, holes and locked words told apart, for the eye only. Pure. */

export type PartKind = 'plain' | 'hole' | 'choice' | 'list' | 'lock' | 'comment'

export interface Part {
  kind: PartKind
  text: string
}

const KINDS: readonly [PartKind, RegExp][] = [
  ['comment', /^(?<=^|\s)#[^\n]*/],
  ['lock', /^<lock:[^>]*>/],
  ['hole', /^\$\{[\w-]+(?:[:=][^{}]*)?\}/],
  ['list', /^__[\w*/ -]+?__/],
  ['choice', /^(?<!\$)[{}|]/],
]

/** Nested braces need no reader of their own here: each brace and bar is marked where it stands. */
export function marked(template: string): Part[] {
  const parts: Part[] = []
  let plain = ''
  const flush = () => {
    if (plain) parts.push({ kind: 'plain', text: plain })
    plain = ''
  }
  for (let at = 0; at < template.length; ) {
    if (template[at] === '\\') {
      plain += template.slice(at, at + 2)
      at += 2
      continue
    }
    const rest = template.slice(at)
    const starts = at === 0 || /\s/.test(template[at - 1]!)
    const found = KINDS.map(([kind, pattern]) => ({ kind, text: kind === 'comment' && !starts ? '' : (pattern.exec(rest)?.[0] ?? '') })).find((part) => part.text)
    if (found) {
      flush()
      parts.push(found)
      at += found.text.length
    } else plain += template[at++]
  }
  flush()
  return parts
}

/** A prompt in parts, its locked words told apart. */
export function lockedParts(text: string, locked: readonly string[]): Part[] {
  const wanted = [...locked].sort((a, b) => b.length - a.length).map((word) => word.toLowerCase())
  const low = text.toLowerCase()
  const parts: Part[] = []
  let from = 0
  for (let at = 0; at < text.length; ) {
    const word = wanted.find((each) => each && low.startsWith(each, at))
    if (!word) {
      at++
      continue
    }
    if (at > from) parts.push({ kind: 'plain', text: text.slice(from, at) })
    parts.push({ kind: 'lock', text: text.slice(at, at + word.length) })
    at += word.length
    from = at
  }
  if (from < text.length) parts.push({ kind: 'plain', text: text.slice(from) })
  return parts
}

/** A pasted table: tabs or commas between cells; quotes hold a cell together. */
export function cells(pasted: string): string[][] {
  const tabbed = pasted.includes('\t')
  return pasted
    .replace(/\r\n?/g, '\n')
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => (tabbed ? line.split('\t') : split(line)).map((cell) => cell.trim()))
}

function split(line: string): string[] {
  const found: string[] = []
  for (const [, quoted, plain] of line.matchAll(/(?:^|,)\s*(?:"((?:[^"]|"")*)"|([^,]*))/g)) {
    found.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'))
  }
  return found
}
