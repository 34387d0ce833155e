import { describe, expect, it } from 'vitest'
import { type Pressed, type Scope, find, score, shown, spelled, typing } from '../src/actions/keymap'

const press = (key: string, more: Partial<Pressed> = {}): Pressed => ({
  key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...more,
})

describe('keys', () => {
  it('are spelled one way on every machine', () => {
    expect(spelled(press('z', { ctrlKey: true, shiftKey: true }))).toBe('Mod+Shift+Z')
    expect(spelled(press('z', { metaKey: true }))).toBe('Mod+Z')
    expect(spelled(press('}', { shiftKey: true }))).toBe('}')
    expect(spelled(press('B', { shiftKey: true }))).toBe('Shift+B')
    expect(spelled(press(' '))).toBe('Space')
    expect(spelled(press('¡', { altKey: true, code: 'Digit1' }))).toBe('Alt+1')
    expect(spelled(press('ArrowLeft', { altKey: true, code: 'ArrowLeft' }))).toBe('Alt+ArrowLeft')
  })

  it('mean the action of the innermost region', () => {
    const actions: { name: string; shortcut: string | string[]; scope?: Scope }[] = [
      { name: 'brush', shortcut: 'B' },
      { name: 'branch', shortcut: 'B', scope: 'strip' },
      { name: 'zoom', shortcut: ['+', '='] },
    ]
    expect(find(actions, 'B', ['global'])?.name).toBe('brush')
    expect(find(actions, 'B', ['strip', 'global'])?.name).toBe('branch')
    expect(find(actions, '=', ['strip', 'global'])?.name).toBe('zoom')
    expect(find(actions, 'Q', ['global'])).toBeNull()
  })

  it('belong to a field that is being typed in, but for commands', () => {
    expect(typing('TEXTAREA', '', false, 'B')).toBe(true)
    expect(typing('INPUT', 'text', false, 'Mod+Z')).toBe(true)
    expect(typing('INPUT', 'text', false, 'Mod+Enter')).toBe(false)
    expect(typing('INPUT', 'range', false, 'B')).toBe(false)
    expect(typing('BUTTON', '', false, 'B')).toBe(false)
  })

  it('are shown as people know them', () => {
    expect(shown('Mod+Shift+Z')).toBe('Ctrl+Shift+Z')
    expect(shown('Mod+Enter', true)).toBe('⌘↵')
    expect(shown('+')).toBe('+')
  })
})

describe('finding an action', () => {
  it('prefers beginnings, then beginnings of words, then letters in order', () => {
    expect(score('Compare', 'comp')).toBe(100)
    expect(score('Go back to this picture', 'back')).toBe(80)
    expect(score('Invert the mask', 'imk')).toBeGreaterThan(0)
    expect(score('Invert the mask', 'xyz')).toBeNull()
    expect(score('anything', '')).toBe(0)
  })
})
