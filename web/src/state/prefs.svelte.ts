/** How a person likes the studio; kept in this browser. */
import { recall, remember } from './kept'

export type Theme = 'dark' | 'light' | 'system'
export type Surround = 'plain' | 'grey'
export type HeatStyle = 'light' | 'colour'

class Prefs {
  theme = $state<Theme>(recall('theme', 'dark'))
  surround = $state<Surround>(recall('surround', 'plain'))
  heat = $state<HeatStyle>(recall('heat', 'light'))
  folded = $state<boolean>(recall('folded', true))
  inspector = $state<boolean>(recall('inspector', true))
  /** A weight was turned before: whoever did needs no telling how. */
  turned = $state<boolean>(recall('turned', false))

  constructor() {
    $effect.root(() => {
      $effect(() => {
        const root = document.documentElement
        const system = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark'
        root.dataset.theme = this.theme === 'system' ? system : this.theme
        root.dataset.surround = this.surround
      })
      for (const key of ['theme', 'surround', 'heat', 'folded', 'inspector', 'turned'] as const) {
        $effect(() => remember(key, this[key]))
      }
    })
  }
}

export const prefs = new Prefs()
