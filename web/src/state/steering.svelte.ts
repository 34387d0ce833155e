/** What steers a drawing beside its words: pictures to be like, structures to obey, LoRAs. */
import type { Adapter } from '../api/types'
import { recall, remember } from './kept'

/** What a picture is used for: to be like it, or to obey its structure. */
export type Use = 'style' | 'character' | 'object' | 'face' | 'canny' | 'lineart' | 'scribble' | 'depth' | 'pose' | 'tile'

export interface Shown {
  key: number
  use: Use
  strength: number
  /** The version that it is; else only the picture counts. */
  version: string | null
  image: string
  name: string
}

export const LIKE: Partial<Record<Use, string>> = {
  style: 'Its style', character: 'Its character', object: 'Its object', face: 'Its face',
}
/** Maps that are made of the picture; of the others the picture is the map. */
const MADE = new Set<Use>(['canny', 'lineart', 'scribble', 'tile'])
export const STRUCTURE: Partial<Record<Use, string>> = {
  canny: 'Its edges', lineart: 'Its lines', scribble: 'Its scribble', tile: 'Its surfaces',
  depth: 'As a map of depth', pose: 'As a map of a pose',
}

interface Kept {
  shown: Shown[]
  loras: Record<string, number>
}

export class Steering {
  shown = $state.raw<readonly Shown[]>([])
  loras = $state.raw<Readonly<Record<string, number>>>({})
  /** What can be put on the model, as the server lists it. */
  adapters = $state.raw<readonly Adapter[]>([])
  readonly some = $derived(this.shown.length > 0 || Object.keys(this.loras).length > 0)
  /** Which structures a network at hand can read. */
  readonly structures = $derived(
    (Object.keys(STRUCTURE) as Use[]).filter((use) =>
      this.adapters.some((each) => !each.misfit && (each.kind === 'control' || each.kind === 't2i-adapter') && (!each.conditions.length || each.conditions.includes(use))),
    ),
  )

  constructor(private readonly project: string) {
    Object.assign(this, recall<Partial<Kept>>(`steering:${project}`, {}))
  }

  add(one: Omit<Shown, 'key' | 'strength' | 'use'>): void {
    const key = 1 + Math.max(0, ...this.shown.map((each) => each.key))
    this.shown = [...this.shown, { ...one, key, use: 'style', strength: 1 }]
  }

  change(key: number, fields: Partial<Shown>): void {
    this.shown = this.shown.map((each) => (each.key === key ? { ...each, ...fields } : each))
  }

  drop(key: number): void {
    this.shown = this.shown.filter((each) => each.key !== key)
  }

  weigh(lora: string, weight: number | null): void {
    const { [lora]: _, ...others } = this.loras
    this.loras = weight === null ? others : { ...this.loras, [lora]: weight }
  }

  keep(): void {
    remember(`steering:${this.project}`, { shown: this.shown, loras: this.loras })
  }

  /** The fields of an order; none where nothing steers. */
  body(): Record<string, unknown> {
    const picture = ({ version, image, strength }: Shown) => ({ ...(version ? { version } : { image }), strength })
    const control = this.shown.filter((each) => each.use in STRUCTURE)
    const reference = this.shown.filter((each) => each.use in LIKE)
    return {
      ...(control.length && { control: control.map((each) => ({ condition: each.use, make: MADE.has(each.use), ...picture(each) })) }),
      ...(reference.length && { reference: reference.map((each) => ({ role: each.use, ...picture(each) })) }),
      ...(Object.keys(this.loras).length && { lora: this.loras }),
    }
  }
}
