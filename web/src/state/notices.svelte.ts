/** Lines that tell what happened: shown until read, spoken to those who do not look. */
import { Problem, sentence } from '../api/client'

export interface Notice {
  id: number
  kind: 'said' | 'fault'
  text: string
  hint: string
  action?: { label: string; perform: () => void } | undefined
}

class Notices {
  items = $state<Notice[]>([])
  /** What a screen reader is told politely. */
  spoken = $state('')
  private next = 1

  say(text: string, action?: Notice['action']): void {
    this.announce(text)
    this.add({ kind: 'said', text, hint: '', action }, action ? 15_000 : 6000)
  }

  /** Only for ears: what eyes see anyway. */
  announce(text: string): void {
    // The same line twice is a change as well, or nobody would hear it.
    this.spoken = text === this.spoken ? `${text}\u00a0` : text
  }

  fault(error: unknown, action?: Notice['action']): void {
    if (error instanceof DOMException && error.name === 'AbortError') return
    const problem =
      error instanceof Problem
        ? error
        : new Problem(sentence(error instanceof Error ? error.message : String(error)))
    this.announce(`${problem.detail} ${problem.hint}`)
    // The same fault twice is one fault.
    this.items = this.items.filter((item) => item.text !== problem.detail)
    this.add({ kind: 'fault', text: problem.detail, hint: problem.hint, action }, 0)
  }

  dismiss(id: number): void {
    this.items = this.items.filter((item) => item.id !== id)
  }

  private add(notice: Omit<Notice, 'id'>, life: number): void {
    const id = this.next++
    this.items = [...this.items.slice(-2), { ...notice, id }]
    if (life) setTimeout(() => this.dismiss(id), life)
  }
}

export const notices = new Notices()

/** Carry something out; a problem becomes a notice and the answer null. */
export async function attempt<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work()
  } catch (error) {
    notices.fault(error)
    return null
  }
}
