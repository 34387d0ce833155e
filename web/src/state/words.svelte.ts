/**
 * The words as they are typed, with chips in step. The server reads them (one grammar); here is
 * only what was typed, what the server said of it, and which version it came from.
 */
import { Problem } from '../api/client'
import { readPrompt, reweigh, suggestions } from '../api/room'
import type { Chip, PromptRead, Proposal } from '../api/types'
import { plain } from '../canvas/heat'
import { history } from './history.svelte'
import { recall, remember } from './kept'
import { notices } from './notices.svelte'

export type SeedMode = 'random' | 'locked' | 'sweep'

interface Kept {
  text: string
  negative: string
  quality: string
  count: number
  seedMode: SeedMode
  seed: number
  size: [number, number] | null
  basis: string | null
  basisText: string
}

const EMPTY: Kept = {
  text: '',
  negative: '',
  quality: 'final',
  count: 1,
  seedMode: 'locked',
  seed: 1,
  size: null,
  basis: null,
  basisText: '',
}

export class Words {
  text = $state('')
  negative = $state('')
  quality = $state('final')
  count = $state(1)
  seedMode = $state<SeedMode>('locked')
  seed = $state(1)
  size = $state<[number, number] | null>(null)
  /** The version whose words these were before anybody typed. */
  basis = $state<string | null>(null)
  basisText = $state('')
  read = $state.raw<PromptRead | null>(null)
  /** What the prompt leaves open, in words that the model knows. */
  proposals = $state.raw<readonly Proposal[]>([])
  /** The chips of `basisText`, to see what changed. */
  basisChips = $state.raw<readonly Chip[] | null>(null)
  /** The text that `read` is of. */
  readOf = $state('')
  /** Quality, number or seed were chosen by hand and are kept when another picture is looked at. */
  chosen = $state(false)
  /** A weight under the slider that the server has not written into the text yet. */
  pending = $state<{ start: number; weight: number } | null>(null)

  readonly touched = $derived(this.text !== this.basisText)
  readonly chips = $derived<readonly Chip[]>(this.read?.chips ?? [])
  readonly problems = $derived(this.readOf === this.text ? (this.read?.problems ?? []) : [])
  /** What Midjourney's flags at the end become; null where there are none. */
  readonly flags = $derived(this.readOf === this.text ? (this.read?.flags ?? null) : null)
  readonly stuck = $derived(this.problems.some((problem) => problem.severity === 'error'))

  private asking: AbortController | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private later: ReturnType<typeof setTimeout> | undefined
  private queue: Promise<void> = Promise.resolve()
  private waiting: { start: number; weight: number } | null = null

  constructor(private readonly project: string) {
    Object.assign(this, { ...EMPTY, ...recall<Partial<Kept>>(`words:${project}`, {}) })
    if (this.text) void this.readNow()
  }

  /** Keep what is typed over a reload. */
  keep(): void {
    remember(`words:${this.project}`, this.kept())
  }

  /** All that was typed and chosen. */
  kept(): Kept {
    const { text, negative, quality, count, seedMode, seed, size, basis, basisText } = this
    return { text, negative, quality, count, seedMode, seed, size, basis, basisText }
  }

  /** Go back to what was typed and chosen before. */
  put(kept: Kept): void {
    Object.assign(this, kept)
    this.basisChips = null
    void this.readNow()
  }

  /** Another project is opened: nothing more is asked for these. */
  close(): void {
    this.asking?.abort()
    clearTimeout(this.timer)
    clearTimeout(this.later)
  }

  /** Take over the words of a version. */
  use(version: {
    id: string
    text: string
    negative: string
    seed: number | null
    quality: string | null
    size: [number, number]
  }): void {
    this.text = this.basisText = version.text
    this.negative = version.negative
    if (!this.chosen) {
      if (version.seed !== null) this.seed = version.seed
      if (version.quality) this.quality = version.quality
      this.size = version.size
    }
    this.basis = version.id
    this.basisChips = null
    void this.readNow()
  }

  /** Typed: read soon, not at every letter. */
  typed(text: string): void {
    this.text = text
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.readNow(), 140)
  }

  async readNow(): Promise<void> {
    clearTimeout(this.timer)
    this.asking?.abort()
    const asking = (this.asking = new AbortController())
    const text = this.text
    try {
      const read = await readPrompt(text, this.negative, asking.signal)
      if (this.text !== text) return
      this.read = read
      this.readOf = text
      clearTimeout(this.later)
      this.later = setTimeout(() => void this.propose(text), 400)
      const basis = this.basisText
      if (text === basis) this.basisChips = read.chips
      else if (!this.basisChips && basis) {
        const chips = (await readPrompt(basis, '', asking.signal)).chips
        if (this.basisText === basis) this.basisChips = chips
      }
    } catch (error) {
      if (error instanceof Problem && error.unreachable) this.timer = setTimeout(() => void this.readNow(), 1500)
      // That the model is away is told where the drawing is ordered, not at every letter.
      else if (error instanceof Problem && !error.code.startsWith('model-')) notices.fault(error)
    }
  }

  private async propose(text: string): Promise<void> {
    const found = text.trim() ? await suggestions(text).catch(() => null) : null
    if (this.text === text) this.proposals = found?.items ?? []
  }

  /** Take up a proposal; it can be undone. */
  adopt(proposal: Proposal): void {
    const before = this.text
    const put = (text: string) => {
      this.text = text
      void this.readNow()
    }
    history.note({ label: `Add ${proposal.adds}`, undo: () => put(before), redo: () => put(proposal.text) })
    put(proposal.text)
  }

  /**
   * Set a chip's weight. The chip shows it at once; the text follows as the server writes it, one
   * request at a time, the newest weight winning.
   */
  weigh(chip: Chip, weight: number): void {
    const rounded = Math.round(Math.min(3, Math.max(0, weight)) * 100) / 100
    if (!this.pending && this.weightOf(chip) === rounded) return
    this.pending = this.waiting = { start: chip.start, weight: rounded }
    this.queue = this.queue.then(() => this.write(chip.text))
  }

  /** What a chip weighs, the hand on the slider included. */
  weightOf(chip: Chip): number {
    return this.pending?.start === chip.start ? this.pending.weight : chip.weight
  }

  /** Wait until the text says what the chips say. */
  settled(): Promise<void> {
    return this.queue
  }

  private async write(word: string): Promise<void> {
    const wanted = this.waiting
    if (!wanted) return
    this.waiting = null
    if (this.readOf !== this.text) await this.readNow()
    const at = this.chips.findIndex((chip) => chip.start === wanted.start)
    const chip = this.chips[at]
    if (!chip || plain(chip.text) !== plain(word)) {
      this.pending = null
      return
    }
    const before = this.text
    try {
      const { text, chips } = await reweigh(before, chip.start, chip.end, wanted.weight)
      if (this.text !== before || !this.read) return
      this.text = this.readOf = text
      this.read = { ...this.read, chips }
      // Brackets move what stands behind them: the hand stays on its word.
      const moved = chips[at]
      if (moved && this.waiting) this.waiting = { ...(this.waiting as { weight: number }), start: moved.start }
      this.noteWeight(chip.text, before, text)
      void this.readNow()
    } catch (error) {
      notices.fault(error)
    } finally {
      const next = this.waiting as { start: number; weight: number } | null
      this.pending = next
    }
  }

  private lastWeight: { word: string; at: number; deed: { before: string; after: string } } | null = null

  /** One pull at a slider is one step of undo. */
  private noteWeight(word: string, before: string, after: string): void {
    const now = Date.now()
    if (this.lastWeight?.word === word && now - this.lastWeight.at < 900) {
      this.lastWeight.at = now
      this.lastWeight.deed.after = after
      return
    }
    const deed = { before, after }
    this.lastWeight = { word, at: now, deed }
    const put = (text: string) => {
      this.lastWeight = null
      this.text = text
      void this.readNow()
    }
    history.note({
      label: `Weight of ${word}`,
      undo: () => put(deed.before),
      redo: () => put(deed.after),
    })
  }

}
