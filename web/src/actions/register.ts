/** The one list of what can be done: palette, buttons and keys all read it. */
import type { IconName } from '../ui/icons'
import { type Scope, find, spelled, typing } from './keymap'

export interface Action {
  name: string
  label: string
  icon?: IconName
  shortcut?: string | readonly string[]
  scope?: Scope
  /** Under which heading the palette lists it. */
  group: string
  /** Left out of the palette: of use only by its key. */
  quiet?: boolean
  enabled?: () => boolean
  active?: () => boolean
  perform: () => void
}

const register = new Map<string, Action>()

export function define(...actions: Action[]): void {
  for (const action of actions) {
    if (register.has(action.name)) throw new Error(`two actions are called ${action.name}`)
    register.set(action.name, action)
  }
}

export const all = (): Action[] => [...register.values()]

export function action(name: string): Action {
  const found = register.get(name)
  if (!found) throw new Error(`no action is called ${name}`)
  return found
}

export function perform(name: string): void {
  const found = action(name)
  if (found.enabled?.() ?? true) found.perform()
}

/** From the inside out: the regions around the focus, then everything. */
function scopesOf(target: Element | null): Scope[] {
  const scopes: Scope[] = []
  for (let at = target?.closest('[data-scope]'); at; at = at.parentElement?.closest('[data-scope]')) {
    scopes.push((at as HTMLElement).dataset.scope as Scope)
  }
  return [...scopes, 'global']
}

export function pressed(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return
  const key = spelled(event)
  const target = event.target instanceof HTMLElement ? event.target : null
  if (document.querySelector('dialog[open]')) return
  if (target) {
    const type = target instanceof HTMLInputElement ? target.type : ''
    if (typing(target.tagName, type, target.isContentEditable, key)) return
  }
  const found = find(register.values(), key, scopesOf(target))
  if (!found || !(found.enabled?.() ?? true)) return
  event.preventDefault()
  found.perform()
}
