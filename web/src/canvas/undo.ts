/** Undo and redo of painting: each step keeps the bytes of the rectangle it touched. */
import { type Rect, isEmpty } from './geometry'
import type { Mask } from './mask'

interface Step {
  rect: Rect
  before: Uint8Array
  after: Uint8Array
  label: string
}

export class Undo {
  private done: Step[] = []
  private undone: Step[] = []
  private held = 0

  constructor(private readonly limit = 96 * 1024 * 1024) {}

  /** Grows with every step that is noted, whatever is undone or dropped. */
  count = 0

  get canUndo(): boolean {
    return this.done.length > 0
  }

  get canRedo(): boolean {
    return this.undone.length > 0
  }

  /** Note what was done: `base` is the whole mask as it was before. */
  note(mask: Mask, base: Uint8Array, rect: Rect, label: string): void {
    if (isEmpty(rect)) return
    const earlier = new (mask.constructor as typeof Mask)(mask.width, mask.height, base)
    const step = { rect, before: earlier.read(rect), after: mask.read(rect), label }
    if (step.before.every((value, at) => value === step.after[at])) return
    for (const lost of this.undone) this.held -= lost.before.length * 2
    this.undone = []
    this.count++
    this.done.push(step)
    this.held += step.before.length * 2
    while (this.held > this.limit && this.done.length > 1) {
      this.held -= (this.done.shift()?.before.length ?? 0) * 2
    }
  }

  undo(mask: Mask): { rect: Rect; label: string } | null {
    const step = this.done.pop()
    if (!step) return null
    mask.write(step.rect, step.before)
    this.undone.push(step)
    return step
  }

  redo(mask: Mask): { rect: Rect; label: string } | null {
    const step = this.undone.pop()
    if (!step) return null
    mask.write(step.rect, step.after)
    this.done.push(step)
    return step
  }

  forget(): void {
    this.done = []
    this.undone = []
    this.held = 0
  }
}
