/** The mask of the picture on the screen: tools, strokes, undo, and what is kept of it. */
import { history } from '../state/history.svelte'
import { recall, remember } from '../state/kept'
import { type Brush, Mask, clear, fillBox, fillPolygon, invert, stroke } from './mask'
import { EMPTY, type Point, type Rect, isEmpty, union } from './geometry'
import { feather, grow } from './morph'
import { keepMask, keptMask } from './shelf'
import { Undo } from './undo'

export type Tool = 'probe' | 'brush' | 'eraser' | 'lasso' | 'box' | 'colour'

/** A mask with its own past. */
interface Sheet {
  mask: Mask
  undo: Undo
}

/** What the last replacement did, while its mask still lies there. */
export interface Replaced {
  before: string
  after: string
  prompt: string
}

export class Editor {
  tool = $state<Tool>('probe')
  radius = $state(recall('brush-radius', 14))
  hardness = $state(recall('brush-hardness', 0.8))
  pressure = $state(recall('brush-pressure', true))
  /** How far from the colour that was clicked on (CIELAB distance) still counts as it. */
  tolerance = $state(recall('colour-tolerance', 12))
  shown = $state(true)
  /** The words for the masked area. */
  prompt = $state('')
  replaced = $state<Replaced | null>(null)
  bounds = $state.raw<Rect>(EMPTY)
  area = $state(0)
  readonly has = $derived(!isEmpty(this.bounds))
  /** Told of every rectangle that changed; the stage sets it. */
  dirty: (rect: Rect) => void = () => {}

  private sheets = new Map<string, Sheet>()
  private version = $state('')
  private sheet = $state.raw<Sheet | null>(null)
  private base: Uint8Array | null = null
  private touched: Rect = EMPTY
  private last: { at: Point; radius: number } | null = null
  private region: { at: Point; erase: boolean; base: Uint8Array; count: number } | null = null

  constructor(private readonly project: string) {}

  /** Whose mask lies on the table. */
  get sheetOf(): string {
    return this.version
  }

  get mask(): Mask | null {
    return this.sheet?.mask ?? null
  }

  /** Lay the mask of a version on the table, with what was painted before a reload. */
  open(version: string, width: number, height: number): void {
    if (this.version === version) return
    this.version = version
    this.region = null
    let sheet = this.sheets.get(version)
    if (!sheet || sheet.mask.width !== width || sheet.mask.height !== height) {
      sheet = { mask: new Mask(width, height), undo: new Undo() }
      this.sheets.set(version, sheet)
      if (this.sheets.size > 8) this.sheets.delete(this.sheets.keys().next().value!)
      void this.restore(version, sheet)
    }
    this.sheet = sheet
    if (this.replaced && this.replaced.after !== version && this.replaced.before !== version) {
      this.replaced = null
    }
    const kept = recall<string>(`area:${this.project}`, '')
    if (!this.prompt) this.prompt = kept
    this.changed(sheet.mask.whole, false)
  }

  /** Lay the same mask over another version of the same size. */
  carry(from: string, to: string): void {
    const old = this.sheets.get(from)
    if (!old) return
    this.sheets.set(to, {
      mask: new Mask(old.mask.width, old.mask.height, old.mask.data.slice()),
      undo: new Undo(),
    })
    if (this.version === to) {
      this.version = ''
      this.open(to, old.mask.width, old.mask.height)
    }
  }

  private get brush(): Brush {
    return { radius: this.radius, hardness: this.hardness }
  }

  begin(at: Point, pressure: number): void {
    if (!this.sheet) return
    this.shown = true
    this.base = this.sheet.mask.data.slice()
    this.touched = EMPTY
    this.last = null
    this.extend([{ at, pressure }])
  }

  extend(points: readonly { at: Point; pressure: number }[]): void {
    if (!this.sheet || !this.base) return
    for (const { at, pressure } of points) {
      const radius = this.radius * (this.pressure ? pressure : 1)
      const from = this.last?.at ?? at
      const rect = stroke(
        this.sheet.mask, this.base, from, at, { ...this.brush, radius }, this.tool === 'eraser',
      )
      this.last = { at, radius }
      this.touched = union(this.touched, rect)
      if (!isEmpty(rect)) this.dirty(rect)
    }
  }

  end(): void {
    if (!this.base) return
    const base = this.base
    this.base = null
    this.note(base, this.touched, this.tool === 'eraser' ? 'Eraser' : 'Brush')
  }

  /** Break a stroke off, as when a second finger comes down. */
  abandon(): void {
    if (!this.base || !this.sheet) return
    this.sheet.mask.data.set(this.base)
    this.base = null
    this.changed(this.touched)
  }

  box(rect: Rect, erase = false): void {
    this.alter('Box', (mask) => fillBox(mask, rect, erase))
  }

  lasso(points: readonly Point[], erase = false): void {
    this.alter('Lasso', (mask) => fillPolygon(mask, points, erase))
  }

  invert(): void {
    this.alter('Invert', invert)
  }

  grow(by: number): void {
    this.alter(by > 0 ? 'Grow' : 'Shrink', (mask) => grow(mask, by))
  }

  feather(by: number): void {
    this.alter('Feather', (mask) => feather(mask, by))
  }

  clear(): void {
    this.alter('Clear the mask', clear)
    this.replaced = null
  }

  /** Add what the server picked out: a word's place, a colour, the picture's alpha. */
  add(picked: Uint8Array, label: string, instead = false): void {
    this.alter(label, (mask) => {
      for (let at = 0; at < picked.length; at++) {
        mask.data[at] = instead ? picked[at]! : Math.max(mask.data[at]!, picked[at]!)
      }
      return mask.whole
    })
  }

  /** Add the region of one colour that was clicked on, or take it away. */
  pick(picked: Uint8Array, at: Point, erase: boolean): void {
    if (!this.sheet) return
    const base = this.sheet.mask.data.slice()
    this.lay(picked, base, erase)
    this.region = { at, erase, base, count: this.sheet.undo.count }
  }

  /** What was clicked on last, as long as nothing else was done since. */
  get clicked(): { at: Point; erase: boolean } | null {
    return this.region && this.region.count === this.sheet?.undo.count ? this.region : null
  }

  /** The last region again, with another tolerance. */
  repick(picked: Uint8Array): void {
    if (!this.sheet || !this.region || !this.clicked) return
    const { base, erase } = this.region
    this.lay(picked, base, erase)
    this.region = { ...this.region, count: this.sheet.undo.count }
  }

  private lay(picked: Uint8Array, base: Uint8Array, erase: boolean): void {
    this.alter(erase ? 'Take a colour away' : 'Colour', (mask) => {
      for (let at = 0; at < picked.length; at++) {
        mask.data[at] = erase ? Math.min(base[at]!, 255 - picked[at]!) : Math.max(base[at]!, picked[at]!)
      }
      return mask.whole
    })
  }

  tolerate(value: number): void {
    this.tolerance = value
    remember('colour-tolerance', value)
  }

  resize(by: number): void {
    const step = Math.max(1, Math.round(this.radius * 0.15))
    this.radius = Math.min(512, Math.max(1, this.radius + by * step))
    remember('brush-radius', this.radius)
  }

  harden(by: number): void {
    this.hardness = Math.min(1, Math.max(0, Math.round((this.hardness + by) * 10) / 10))
    remember('brush-hardness', this.hardness)
  }

  keepPrompt(): void {
    remember(`area:${this.project}`, this.prompt)
  }

  /** The mask as a greyscale PNG of the picture's size. */
  async png(): Promise<Blob> {
    const mask = this.sheet!.mask
    const canvas = document.createElement('canvas')
    canvas.width = mask.width
    canvas.height = mask.height
    const pixels = new ImageData(mask.width, mask.height)
    for (let at = 0; at < mask.data.length; at++) {
      const value = mask.data[at]!
      pixels.data[at * 4] = pixels.data[at * 4 + 1] = pixels.data[at * 4 + 2] = value
      pixels.data[at * 4 + 3] = 255
    }
    canvas.getContext('2d')!.putImageData(pixels, 0, 0)
    return await new Promise((done, fail) =>
      canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error('no PNG'))), 'image/png'),
    )
  }

  private alter(label: string, work: (mask: Mask) => Rect): void {
    if (!this.sheet) return
    this.shown = true
    const base = this.sheet.mask.data.slice()
    this.note(base, work(this.sheet.mask), label)
  }

  private note(base: Uint8Array, rect: Rect, label: string): void {
    const sheet = this.sheet!
    const version = this.version
    const had = sheet.undo.count
    sheet.undo.note(sheet.mask, base, rect, label)
    this.changed(rect)
    if (sheet.undo.count === had) return
    const step = (turn: 'undo' | 'redo') => () => {
      const done = sheet.undo[turn](sheet.mask)
      if (done && sheet === this.sheet) this.changed(done.rect)
      else if (done) keepMask(`${this.project}/${version}`, sheet.mask, isEmpty(sheet.mask.bounds()))
    }
    history.note({ label, undo: step('undo'), redo: step('redo') })
  }

  private changed(rect: Rect, keep = true): void {
    const mask = this.sheet?.mask
    if (!mask) return
    this.bounds = mask.bounds()
    this.area = mask.area()
    this.dirty(rect)
    if (keep) keepMask(`${this.project}/${this.version}`, mask, isEmpty(this.bounds))
  }

  private async restore(version: string, sheet: Sheet): Promise<void> {
    const bytes = await keptMask(`${this.project}/${version}`)
    if (!bytes || bytes.length !== sheet.mask.data.length || sheet.undo.count) return
    sheet.mask.data.set(bytes)
    if (this.sheet === sheet) this.changed(sheet.mask.whole, false)
  }
}
