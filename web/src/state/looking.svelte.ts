/** What is known of the picture on the screen: whose words drew it, where, and what lights up. */
import type { Detail, GraphNode } from '../api/types'
import { type HeatMaps, type WordAt, wordsAt } from '../canvas/heat'
import type { Point } from '../canvas/geometry'
import type { Room } from './room.svelte'

const WHOLE = new Set(['text-to-image', 'image-to-image', 'continue', 'anchored', 'import'])
const FARTHEST = 40

/** Token maps over the picture: of the whole, and of the area that was drawn last. */
export interface Layer {
  version: string
  maps: HeatMaps
}

export interface Lit {
  layer: Layer
  words: number[]
}

export interface Probe {
  at: Point
  words: WordAt[]
  layer: Layer | null
}

export class Looking {
  /** Versions whose words made the whole picture, by version. */
  private bases = $state.raw<ReadonlyMap<string, string>>(new Map())
  lit = $state.raw<Lit | null>(null)
  probe = $state.raw<Probe | null>(null)
  readonly version: GraphNode | null = $derived.by(() => this.pick())
  readonly detail: Detail | null = $derived.by(() =>
    this.version ? (this.room.details.get(this.version.id) ?? null) : null,
  )
  readonly base: Detail | null = $derived.by(() => {
    const id = this.version && this.bases.get(this.version.id)
    return id ? (this.room.details.get(id) ?? null) : null
  })
  /** Whether all of this picture was drawn with fewer steps than a finished one. */
  readonly unfinished = $derived.by(() => {
    const { detail } = this
    return !!detail?.quality && detail.quality !== 'final' && WHOLE.has(kindOf(detail))
  })
  /** Of the whole picture. */
  readonly whole: Layer | null = $derived.by(() => {
    if (!this.base || !this.version) return null
    const maps = this.room.maps.get(this.base.id)
    if (!maps) return null
    return { version: this.base.id, maps: this.stretched(maps, this.base, this.version) }
  })
  /** Of the replaced area, when the picture came from a local edit. */
  readonly part: Layer | null = $derived.by(() => {
    if (!this.version || this.version.id === this.base?.id) return null
    const maps = this.room.maps.get(this.version.id)
    return maps ? { version: this.version.id, maps } : null
  })

  constructor(
    private readonly room: Room,
    private readonly pick: () => GraphNode | null,
  ) {}

  /** Fetch what the picture on the screen needs, its neighbours after it. */
  async follow(version: GraphNode): Promise<void> {
    const [detail] = await Promise.all([this.room.detail(version.id), this.room.mapsOf(version.id)])
    if (!detail) return
    const base = await this.walk(detail)
    if (!base) return
    this.bases = new Map([...this.bases, [version.id, base.id]])
    if (base.id !== version.id) await this.room.mapsOf(base.id)
  }

  point(at: Point | null): void {
    if (!at) {
      this.probe = null
      return
    }
    for (const layer of [this.part, this.whole]) {
      const words = layer ? wordsAt(layer.maps, at) : []
      if (words.length) {
        this.probe = { at, words, layer }
        return
      }
    }
    this.probe = { at, words: [], layer: null }
  }

  light(layer: Layer | null, words: number[]): void {
    this.lit = layer && words.length && words.every((word) => word >= 0) ? { layer, words } : null
  }

  private async walk(from: Detail): Promise<Detail | null> {
    let detail: Detail | null = from
    for (let turn = 0; detail && turn < FARTHEST; turn++) {
      if (WHOLE.has(kindOf(detail))) return detail
      const parent: string | undefined = detail.parents[0]
      detail = parent ? await this.room.detail(parent) : null
    }
    return null
  }

  /** Maps of an ancestor, over a picture that may have more pixels by now. */
  private stretched(maps: HeatMaps, from: Detail, to: GraphNode): HeatMaps {
    if (from.width === to.width && from.height === to.height) return maps
    const x = to.width / from.width
    const y = to.height / from.height
    if (Math.abs(x - y) > 0.02) return maps // extended on one side: the old place is unknown
    const { region } = maps
    return {
      ...maps,
      region: { x: region.x * x, y: region.y * y, width: region.width * x, height: region.height * y },
    }
  }
}

const kindOf = (detail: Detail): string =>
  String((detail.recipe.task as Record<string, unknown> | undefined)?.kind ?? '')
