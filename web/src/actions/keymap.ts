/** Keys as text ('Mod+Shift+Z') and which action they mean. Pure. */

/** Where a shortcut counts; the innermost that holds the focus goes first. */
export type Scope = 'global' | 'stage' | 'strip' | 'sheet'

export interface Pressed {
  key: string
  code?: string
  ctrlKey: boolean
  metaKey: boolean
  shiftKey: boolean
  altKey: boolean
}

export interface Bound {
  shortcut?: string | readonly string[]
  scope?: Scope
}

/** An event in the spelling that shortcuts have. */
export function spelled(event: Pressed): string {
  const parts: string[] = []
  if (event.ctrlKey || event.metaKey) parts.push('Mod')
  if (event.altKey) parts.push('Alt')
  let key = event.key === ' ' ? 'Space' : event.key
  const letter = /^[a-z]$/i.test(key)
  // Shift is part of a sign ('}' or '?') but not of a letter or a named key.
  if (event.shiftKey && (letter || key.length > 1)) parts.push('Shift')
  if (letter) key = key.toUpperCase()
  // With Alt some layouts type other letters: go by the key itself.
  if (event.altKey && event.code) key = event.code.replace(/^(Key|Digit)/, '')
  parts.push(key)
  return parts.join('+')
}

export const keysOf = (bound: Bound): readonly string[] =>
  bound.shortcut === undefined
    ? []
    : typeof bound.shortcut === 'string'
      ? [bound.shortcut]
      : bound.shortcut

/** The action that a key means where the focus is. */
export function find<T extends Bound>(
  actions: Iterable<T>,
  pressed: string,
  scopes: readonly Scope[],
): T | null {
  let best: T | null = null
  let rank = Infinity
  for (const action of actions) {
    if (!keysOf(action).includes(pressed)) continue
    const at = scopes.indexOf(action.scope ?? 'global')
    if (at >= 0 && at < rank) {
      best = action
      rank = at
    }
  }
  return best
}

/** Whether a key belongs to the field that is being typed in. */
export function typing(tag: string, type: string, editable: boolean, pressed: string): boolean {
  const text =
    editable ||
    tag === 'TEXTAREA' ||
    (tag === 'INPUT' && !['checkbox', 'radio', 'range', 'button', 'file'].includes(type)) ||
    tag === 'SELECT'
  if (!text) return false
  // Undo in a field is the field's own.
  return !(pressed.startsWith('Mod+') && !/^Mod\+(Shift\+)?[ACVXZY]$/.test(pressed)) && pressed !== 'F1'
}

/** A shortcut as people read it. */
export function shown(shortcut: string, mac = false): string {
  if (shortcut === '+') return shortcut
  return shortcut
    .split('+')
    .map((part) => {
      if (part === 'Mod') return mac ? '⌘' : 'Ctrl'
      if (part === 'Shift') return mac ? '⇧' : 'Shift'
      if (part === 'Alt') return mac ? '⌥' : 'Alt'
      return { ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', Escape: 'Esc', Backspace: '⌫', Enter: '↵', '': '+' }[part] ?? part
    })
    .join(mac ? '' : '+')
}

/** Letters of the query in order, words' beginnings first; null where it does not match. */
export function score(label: string, query: string): number | null {
  const text = label.toLowerCase()
  const wanted = query.trim().toLowerCase()
  if (!wanted) return 0
  const at = text.indexOf(wanted)
  if (at === 0) return 100
  if (at > 0) return text[at - 1] === ' ' ? 80 : 60
  let from = 0
  let points = 0
  for (const letter of wanted) {
    const next = text.indexOf(letter, from)
    if (next < 0) return null
    if (next === 0 || text[next - 1] === ' ') points += 5
    from = next + 1
  }
  return points
}
