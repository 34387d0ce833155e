/** What steers a drawing beside its words: pictures to be like, structures to obey, LoRAs. */
import { Problem } from '../api/client'
import type { RoomApi } from '../api/room'
import type { Adapter } from '../api/types'
import { recall, remember } from './kept'

/** What a picture is used for: to be like it, or to obey its structure. */
export type Use = 'style' | 'character' | 'object' | 'face' | 'canny' | 'lineart' | 'scribble' | 'depth' | 'pose' | 'tile'

/** A picture that is kept on the server and is used as it is. */
export interface Sheet {
  digest: string
  width: number
  height: number
}

export interface Shown {
  key: number
  use: Use
  strength: number
  /** The version that it is; else only the picture counts. */
  version: string | null
  image: string
  name: string
  width: number
  height: number
  /** The picture itself is the map; else one is made of it. */
  own?: boolean
  /** The map after it was painted over or fitted. */
  map?: Sheet | null
  /** From and to which share of the steps it counts. */
  when?: [number, number]
  /** The joints of a pose that was set by hand, in parts of the picture's sides. */
  figure?: readonly Place[] | null
  /** Where a picture to be like counts; everywhere without one. */
  where?: Sheet | null
}

export const LIKE: Partial<Record<Use, string>> = {
  style: 'Its style', character: 'Its character', object: 'Its object', face: 'Its face',
}
export const STRUCTURE: Partial<Record<Use, string>> = {
  lineart: 'Its lines', canny: 'Its edges', scribble: 'Its scribble', depth: 'Its depth', pose: 'Its pose', tile: 'Its surfaces',
}
const LINES = new Set<Use>(['lineart', 'canny', 'scribble'])
export const obeys = (one: { use: Use }): boolean => one.use in STRUCTURE

type Size = readonly [number, number]
export type Place = [number, number]

interface Kept {
  shown: Shown[]
  loras: Record<string, number>
  fills: boolean
}

export class Steering {
  shown = $state.raw<readonly Shown[]>([])
  loras = $state.raw<Readonly<Record<string, number>>>({})
  /** Whether edits look at what surrounds the hole, where a network for that is at hand. */
  fills = $state(false)
  /** What can be put on the model, as the server lists it. */
  adapters = $state.raw<readonly Adapter[]>([])
  /** Maps that the server made to be seen, or why it could not. */
  private made = $state.raw<ReadonlyMap<string, Sheet | string>>(new Map())
  private asked = new Set<string>()
  readonly count = $derived(this.shown.length + Object.keys(this.loras).length)
  readonly some = $derived(this.count > 0)
  /** Which structures a network at hand can read. */
  readonly structures = $derived(
    (Object.keys(STRUCTURE) as Use[]).filter((use) =>
      this.adapters.some((each) => !each.misfit && (each.kind === 'control' || each.kind === 't2i-adapter') && each.conditions.includes(use)),
    ),
  )

  /** The network that looks at what surrounds a hole, by its name. */
  readonly filler = $derived(this.adapters.find((each) => !each.misfit && each.kind === 'control' && each.conditions.includes('inpaint'))?.name ?? null)

  /** What poses are drawn of, where the network that reads them says it: then a figure is set by hand. */
  readonly skeleton = $derived(this.adapters.find((each) => !each.misfit && each.conditions.includes('pose'))?.skeleton ?? null)

  constructor(private readonly project: string) {
    Object.assign(this, recall<Partial<Kept>>(`steering:${project}`, {}))
  }

  add(one: Omit<Shown, 'key' | 'strength' | 'use'> & Partial<Pick<Shown, 'use' | 'strength'>>): void {
    const key = 1 + Math.max(0, ...this.shown.map((each) => each.key))
    this.shown = [...this.shown, { use: 'style', strength: 1, ...one, key }]
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
    remember(`steering:${this.project}`, { shown: this.shown, loras: this.loras, fills: this.fills })
  }

  /** The map that a structure is read from: painted over, the picture itself, or made of it; why there is none; null while it is made. */
  mapOf(one: Shown, size: Size): Sheet | string | null {
    if (one.map) return one.map
    if (one.own) return { digest: one.image, width: one.width, height: one.height }
    return this.made.get(wish(one, size)) ?? null
  }

  /** Whether its map is a figure that is set by hand, since no estimator knows these skeletons. */
  posed(one: Shown): boolean {
    return one.use === 'pose' && !one.own && this.skeleton !== null
  }

  /** A figure that nobody has set yet says nothing. */
  unset(one: Shown): boolean {
    return this.posed(one) && !one.map
  }

  /** Whether one before it gives a network that reads all in one call (it is one of figures) a map of the same kind for the same steps. */
  clashes(one: Shown): boolean {
    const joined = this.adapters.find((it) => !it.misfit && it.conditions.includes(one.use))?.skeleton ?? null
    const slot = (each: Shown) => {
      const network = this.adapters.find((it) => !it.misfit && it.conditions.includes(each.use))
      return [network?.name, LINES.has(each.use) ? 'lines' : each.use, ...(each.when ?? [0, 1])].join()
    }
    return obeys(one) && joined !== null && this.shown.some((each) => each.key < one.key && obeys(each) && slot(each) === slot(one))
  }

  /** Have the map of a picture made, once, so that it can be seen before anything is drawn. */
  look(api: RoomApi, one: Shown, size: Size): void {
    const key = wish(one, size)
    if (!obeys(one) || one.own || one.map || this.posed(one) || this.asked.has(key)) return
    this.asked.add(key)
    const put = (found: Sheet | string) => (this.made = new Map([...this.made, [key, found]]))
    const json = { ...(one.version ? { version: one.version } : { image: one.image }), kind: one.use, size }
    void api.makeMap(json).then(put, (error: unknown) => {
      if (!(error instanceof Problem)) throw error
      put(`${error.detail} ${error.hint}`.trim())
      if (error.unreachable) this.asked.delete(key)
    })
  }

  /** The same for an order that fills a hole. */
  edit(): Record<string, unknown> {
    const fields = this.body() as { control?: unknown[] }
    if (!this.fills || !this.filler) return fields
    return { ...fields, control: [...(fields.control ?? []), { condition: 'inpaint', adapter: this.filler }] }
  }

  /** The fields of an order; none where nothing steers. */
  body(): Record<string, unknown> {
    const picture = ({ version, image, strength, when }: Shown) => ({
      ...(version ? { version } : { image }), strength, ...(when && { start: when[0], end: when[1] }),
    })
    const control = this.shown.filter((each) => obeys(each) && !this.unset(each)).map((each) => ({
      condition: each.use,
      ...picture(each),
      // Painted over, it is no longer the version's own, but still says which it was made of.
      ...(each.map
        ? { version: undefined, image: each.map.digest, ...(each.version && { of: each.version }) }
        : { make: !each.own }),
    }))
    const reference = this.shown
      .filter((each) => each.use in LIKE)
      .map((each) => ({ role: each.use, ...picture(each), ...(each.where && { mask: each.where.digest }) }))
    return {
      ...(control.length && { control }),
      ...(reference.length && { reference }),
      ...(Object.keys(this.loras).length && { lora: this.loras }),
    }
  }
}

const wish = (one: Shown, size: Size) => [one.use, one.version ?? one.image, ...size].join()
