/** Light and colour by numbers: what the knobs say, and what that looks like before it is done. */
import { Problem } from '../api/client'
import { editorMask } from '../canvas/masking'
import { notices } from './notices.svelte'
import { studio } from './studio.svelte'

export interface Shown {
  version: string
  url: string
}

const KNOBS = ['exposure', 'contrast', 'temperature', 'tint', 'saturation', 'sharpness', 'grain'] as const

/** How far shadows and highlights bend the tone curve. */
const BEND = 0.2

class Retouching {
  open = $state(false)
  values = $state.raw<Readonly<Record<string, number>>>({})
  inside = $state(true)
  /** The version whose colours are taken on. */
  palette = $state<string | null>(null)
  shown = $state.raw<Shown | null>(null)
  readonly changed = $derived(
    this.palette !== null || Object.entries(this.values).some(([name, value]) => value !== 0 && name !== 'match'),
  )
  private busy = false
  private again = false

  value(name: string): number {
    return this.values[name] ?? (name === 'match' ? 1 : 0)
  }

  turn(name: string, value: number): void {
    this.values = { ...this.values, [name]: value }
  }

  begin(): void {
    this.open = true
    this.values = {}
    this.palette = null
    this.inside = true
    this.forget()
    if (studio.editor) studio.editor.shown = false // a mask's colour would lie on the colours
    studio.sheet = 'inspector'
  }

  end(): void {
    this.open = false
    this.forget()
    studio.sheet = 'none'
  }

  /** The fields of an order. */
  async body(): Promise<Record<string, unknown>> {
    const { current, editor } = studio
    const numbers = Object.fromEntries(KNOBS.map((name) => [name, this.value(name)]).filter(([, value]) => value !== 0))
    const [low, high] = [this.value('shadows'), this.value('highlights')]
    const curve = [[0, 0], [0.25, 0.25 + BEND * low], [0.75, 0.75 + BEND * high], [1, 1]]
    const mask = this.inside && editor?.has ? await editorMask() : null
    return {
      version: current!.id,
      ...numbers,
      ...((low || high) && { curves: [{ channel: 'all', points: curve }] }),
      ...(this.palette && { palette: { version: this.palette }, match: this.value('match') }),
      ...(mask && { mask }),
    }
  }

  /** See it as it would be; of many turns of a knob the last one counts, and one is asked at a time. */
  async look(): Promise<void> {
    if (this.busy) {
      this.again = true
      return
    }
    this.busy = true
    try {
      do {
        this.again = false
        await this.ask()
      } while (this.again)
    } catch (error) {
      notices.fault(error)
    } finally {
      this.busy = false
    }
  }

  private async ask(): Promise<void> {
    const { room, current } = studio
    if (!room || !current || !this.open) return
    if (!this.changed) {
      this.forget()
      return
    }
    try {
      const blob = await room.api.previewRetouch(await this.body())
      const url = URL.createObjectURL(blob)
      const image = new Image()
      image.src = url
      await image.decode() // no flicker between two
      if (!this.open || studio.current?.id !== current.id) URL.revokeObjectURL(url)
      else {
        this.forget()
        this.shown = { version: current.id, url }
      }
    } catch (error) {
      if (!(error instanceof Problem) || error.unreachable) throw error
      this.forget() // a knob that cannot be so: the order itself says why
    }
  }

  private forget(): void {
    if (this.shown) URL.revokeObjectURL(this.shown.url)
    this.shown = null
  }

  /** Have it done; what was looked at stays until the picture is there. */
  async carryOut(): Promise<void> {
    const { room, current } = studio
    if (!room || !current || !this.changed) return
    const body = await this.body()
    this.open = false
    const jobs = await room.order('retouch', body, current.id)
    if (!jobs) this.forget()
    studio.sheet = 'none'
  }
}

export const retouching = new Retouching()
