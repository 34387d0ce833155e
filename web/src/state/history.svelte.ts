/** Undo of everything that a person does here by hand: strokes, words, weights, marks. */
export interface Deed {
  label: string
  undo: () => void
  redo: () => void
}

export class History {
  private done = $state.raw<Deed[]>([])
  private undone = $state.raw<Deed[]>([])

  get canUndo(): boolean {
    return this.done.length > 0
  }

  get canRedo(): boolean {
    return this.undone.length > 0
  }

  get next(): string {
    return this.done.at(-1)?.label ?? ''
  }

  note(deed: Deed): void {
    this.done = [...this.done.slice(-199), deed]
    this.undone = []
  }

  /** Another project: what was done in the last one stays done. */
  forget(): void {
    this.done = []
    this.undone = []
  }

  undo(): Deed | null {
    const deed = this.done.at(-1)
    if (!deed) return null
    this.done = this.done.slice(0, -1)
    this.undone = [...this.undone, deed]
    deed.undo()
    return deed
  }

  redo(): Deed | null {
    const deed = this.undone.at(-1)
    if (!deed) return null
    this.undone = this.undone.slice(0, -1)
    this.done = [...this.done, deed]
    deed.redo()
    return deed
  }
}

export const history = new History()
