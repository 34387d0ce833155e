/**
 * The server's events, without a gap: whatever breaks, the stream is taken up again after the last
 * event that was seen.
 */
export type Link = 'connecting' | 'online' | 'offline'

export interface Heard {
  id: number
  kind: string
  data: Record<string, unknown>
}

const KINDS = ['hello', 'job', 'progress', 'preview', 'version', 'mark', 'findings'] as const
const SLOWEST = 5000
/** Milliseconds after which a window that nobody sees lets go of its line. */
const UNSEEN = 30_000

export class Stream {
  private source: EventSource | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private wait = 400
  private closed = false
  private resting = false
  private leaving: ReturnType<typeof setTimeout> | undefined
  last: number | null = null

  constructor(
    private readonly url: (after: number | null) => string,
    private readonly hear: (event: Heard) => void,
    private readonly told: (link: Link, again: boolean) => void,
  ) {
    this.open()
    window.addEventListener('online', this.hurry)
    window.addEventListener('offline', this.lost)
    document.addEventListener('visibilitychange', this.looked)
  }

  close(): void {
    this.closed = true
    clearTimeout(this.timer)
    clearTimeout(this.leaving)
    this.source?.close()
    window.removeEventListener('online', this.hurry)
    window.removeEventListener('offline', this.lost)
    document.removeEventListener('visibilitychange', this.looked)
  }

  /** Try now, not when the wait is over. */
  hurry = (): void => {
    if (this.source || this.closed) return
    this.resting = false
    clearTimeout(this.timer)
    this.open()
  }

  /**
   * Browsers lend a server six lines in all: a seventh window would wait for ever. So one that is
   * not looked at rests, and takes up the stream where it left it when it is looked at again.
   */
  private readonly looked = (): void => {
    clearTimeout(this.leaving)
    if (document.hidden) {
      this.leaving = setTimeout(() => {
        clearTimeout(this.timer)
        this.source?.close()
        this.source = null
        this.resting = true
      }, UNSEEN)
    } else if (this.resting) this.hurry()
  }

  private open(): void {
    if (this.closed || this.resting) return
    this.told('connecting', this.last !== null)
    const source = new EventSource(this.url(this.last))
    this.source = source
    source.onerror = this.lost
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => this.take(kind, event as MessageEvent<string>))
    }
  }

  private take(kind: string, event: MessageEvent<string>): void {
    const data = JSON.parse(event.data) as Record<string, unknown>
    const id = Number(event.lastEventId)
    if (kind === 'hello') {
      this.wait = 400
      // Without an unbroken journal what is known must be read anew.
      const again = this.last !== null || data.complete === false
      if (this.last === null && typeof data.last === 'number') this.last = data.last
      this.told('online', again)
      return
    }
    if (Number.isFinite(id) && event.lastEventId !== '') {
      if (this.last !== null && id <= this.last) return
      this.last = id
    }
    this.hear({ id, kind, data })
  }

  private lost = (): void => {
    this.source?.close()
    this.source = null
    if (this.closed || this.resting) return
    this.told('offline', false)
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.open(), this.wait)
    this.wait = Math.min(SLOWEST, this.wait * 1.7)
  }
}
