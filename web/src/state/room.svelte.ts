/** One project as this window knows it: versions, jobs, what is known of each, kept up to date. */
import { SvelteMap } from 'svelte/reactivity'
import { type Heard, type Link, Stream } from '../api/events'
import { RoomApi } from '../api/room'
import { Problem } from '../api/client'
import type { Detail, GraphNode, Job, Rating, Summary } from '../api/types'
import { type HeatMaps, heatMaps } from '../canvas/heat'
import type { JobView, Order } from './jobs'
import { recall, remember } from './kept'
import { history } from './history.svelte'
import { attempt, notices } from './notices.svelte'

export class Room {
  readonly api: RoomApi
  name = $state('')
  versions = $state.raw<GraphNode[]>([])
  readonly byId = $derived(new Map(this.versions.map((version) => [version.id, version])))
  readonly newest = $derived(this.versions.at(-1) ?? null)
  loaded = $state(false)
  broken = $state<Problem | null>(null)
  link = $state<Link>('connecting')
  /** Failed jobs that were taken off the sheet. */
  private seen = $state.raw<string[]>([])
  readonly jobs = new SvelteMap<string, JobView>()
  readonly details = new SvelteMap<string, Detail>()
  readonly maps = new SvelteMap<string, HeatMaps | null>()
  /** Called when a job of this window is done. */
  arrived: ((version: string, job: JobView, from: string | null) => void) | null = null
  private readonly asked = new Map<string, Promise<Detail | null>>()
  private readonly askedMaps = new Map<string, Promise<HeatMaps | null>>()
  private orders: Order[]
  private asking = 0
  private stream: Stream | null = null
  /** The line was cut since it was last taken up. */
  private cut = false

  constructor(readonly id: string) {
    this.api = new RoomApi(id)
    this.orders = recall(`orders:${id}`, [], true)
    this.seen = recall(`seen:${id}`, [])
  }

  async open(): Promise<void> {
    this.stream ??= new Stream(this.api.eventsUrl, this.hear, this.linked)
    await this.refresh()
  }

  close(): void {
    this.stream?.close()
  }

  reconnect(): void {
    this.stream?.hurry()
  }

  /** Everything anew: at the start, and after the stream was cut. */
  async refresh(): Promise<void> {
    const turn = ++this.asking
    const known = new Set(this.jobs.keys())
    try {
      const [about, graph, jobs] = await Promise.all([
        this.api.about(),
        this.api.graph(),
        this.api.jobs(),
      ])
      if (turn !== this.asking) return // a later question has a later answer
      this.name = about.name
      // Nothing is ever deleted: what is not in the answer was heard of while it was on its way.
      const told = new Set(graph.items.map((version) => version.id))
      this.versions = [...graph.items, ...this.versions.filter((version) => !told.has(version.id))]
      this.loaded = true
      this.broken = null
      const live = new Set(jobs.items.map((job) => job.id))
      for (const id of known) if (!live.has(id)) this.jobs.delete(id)
      for (const job of jobs.items) this.know(job)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      if (turn === this.asking) this.broken = error
    }
  }

  readonly running = $derived(
    [...this.jobs.values()]
      .filter((job) => job.status === 'running' || job.status === 'queued')
      .sort((a, b) => a.created_at.localeCompare(b.created_at) || a.place - b.place),
  )

  /** What could not be drawn and was not tried again, newest first. */
  readonly failed = $derived(
    [...this.jobs.values()]
      .filter((job) => job.status === 'failed' && !this.seen.includes(job.id))
      .sort((a, b) => b.created_at.localeCompare(a.created_at)),
  )

  detail(id: string): Promise<Detail | null> {
    const known = this.details.get(id)
    if (known) return Promise.resolve(known)
    let asked = this.asked.get(id)
    if (!asked) {
      asked = this.ask(id)
    }
    return asked
  }

  private ask(id: string): Promise<Detail | null> {
    const asked: Promise<Detail | null> = attempt(() => this.api.detail(id)).then((detail) => {
      const newest = this.asked.get(id)
      if (newest && newest !== asked) return newest // asked again since: that answer counts
      if (detail) this.details.set(detail.id, detail)
      else this.asked.delete(id)
      return detail
    })
    this.asked.set(id, asked)
    return asked
  }

  /** The token maps of a version; null where it has none. */
  mapsOf(id: string): Promise<HeatMaps | null> {
    let asked = this.askedMaps.get(id)
    if (!asked) {
      const size = this.byId.get(id)
      asked = this.api
        .maps(id)
        .then((maps) => heatMaps(maps, size))
        .catch((error: unknown) => {
          if (!(error instanceof Problem && error.status === 404)) this.askedMaps.delete(id)
          return null
        })
        .then((maps) => {
          this.maps.set(id, maps)
          return maps
        })
      this.askedMaps.set(id, asked)
    }
    return asked
  }

  /** Order work; its result is followed from here. */
  async order(
    operation: string,
    body: Record<string, unknown>,
    from: string | null,
  ): Promise<Job[] | null> {
    const answer = await attempt(() => this.api.operate(operation, body))
    if (!answer) return null
    this.orders = [...this.orders.slice(-50), { group: answer.group, from }]
    remember(`orders:${this.id}`, this.orders, true)
    // What was already made is answered at once. Of a job that its event told of before this
    // answer came, the event knows more; only that it is ours is new.
    for (const job of answer.jobs) {
      const heard = this.jobs.get(job.id)
      if (!heard) this.know(job, true)
      else {
        this.jobs.set(job.id, { ...heard, mine: true })
        if (heard.status === 'done' || heard.status === 'failed') this.turned({ ...heard, mine: true })
      }
    }
    return answer.jobs
  }

  async mark(
    id: string,
    marks: { star?: boolean; rating?: Rating; name?: string },
    label: string,
  ): Promise<void> {
    const before = this.byId.get(id)
    if (!before) return
    const old: typeof marks = {}
    if ('star' in marks) old.star = before.star
    if ('rating' in marks) old.rating = before.rating
    if ('name' in marks) old.name = before.name
    const put = async (wanted: typeof marks) => {
      this.alter(id, wanted)
      const done = await attempt(() => this.api.mark(id, wanted).then(() => true))
      if (!done) this.alter(id, old)
    }
    history.note({ label, undo: () => void put(old), redo: () => void put(marks) })
    await put(marks)
  }

  /** Take in a version that the server has just told of. */
  take(version: Detail | Summary | GraphNode): void {
    if (this.byId.has(version.id)) {
      this.alter(version.id, version)
      return
    }
    const { id, parents, operation, image, width, height, name, star, rating, created_at } = version
    this.versions = [
      ...this.versions,
      { id, parents, operation, image, width, height, name, star, rating, created_at },
    ]
  }

  cancel = (job: Job): Promise<unknown> => attempt(() => this.api.cancel(job.id))

  async cancelAll(): Promise<void> {
    const groups = new Set(this.running.map((job) => job.group))
    await attempt(() => Promise.all([...groups].map((group) => this.api.cancelGroup(group))))
  }

  /** A failed job is seen and done with. */
  forget(job: Job): void {
    this.seen = [...this.seen.slice(-200), job.id]
    remember(`seen:${this.id}`, this.seen)
  }

  retry = (job: Job): Promise<unknown> => attempt(() => this.api.retry(job.id))

  private alter(id: string, fields: Partial<GraphNode>): void {
    this.versions = this.versions.map((version) =>
      version.id === id
        ? {
            ...version,
            ...('star' in fields && { star: fields.star! }),
            ...('rating' in fields && { rating: fields.rating ?? null }),
            ...('name' in fields && { name: fields.name! }),
          }
        : version,
    )
    const detail = this.details.get(id)
    if (detail) this.details.set(id, { ...detail, ...this.byId.get(id) })
  }

  /** Take in how a job stands; `heard` = it has just come to that, else it may be long so. */
  private know(job: Job, heard = false): void {
    const before = this.jobs.get(job.id)
    if (before?.status === 'done') return // nothing comes after that: this was said earlier
    const mine = this.orders.some((order) => order.group === job.group)
    const now = { ...before, ...job, preview: before?.preview ?? null, mine }
    this.jobs.set(job.id, now)
    if (before ? before.status !== now.status : heard) this.turned(now)
  }

  /** A job is done, or failed, that was not before. */
  private turned(job: JobView): void {
    if (job.status === 'done') {
      if (job.operation === 'replay' && job.mine) {
        notices.say(`Replay: ${String(job.result?.verdict ?? 'done')}. The inspector has the figures.`)
      }
      if (job.operation === 'explain') this.reread(job.parents[0] ?? job.version)
      this.deliver(job.id)
    }
    if (job.status === 'failed' && job.mine) {
      notices.fault(new Problem(job.message || 'The picture could not be drawn.', job.hint), {
        label: 'Try again',
        perform: () => void this.retry(job),
      })
    }
  }

  /** A version has maps now that it had not before. */
  private reread(version: string | null | undefined): void {
    if (!version) return
    this.askedMaps.delete(version)
    this.maps.delete(version)
    void this.learn(version)
    void this.mapsOf(version)
  }

  private deliver(id: string): void {
    const job = this.jobs.get(id)
    const order = this.orders.find((each) => each.group === job?.group)
    if (!job || !order) return
    // The loop that improves by itself makes versions of its own and names the best of them.
    const best = job.operation === 'improve' ? String(job.result?.best ?? '') : ''
    if (best && job.parents.includes(best)) {
      notices.say('Nothing was found that is better: the picture stays as it is.')
      return
    }
    const version = job.version ?? best
    if (!version) return
    void this.learn(version)
      .then(() => this.preload(version))
      .then(() => this.arrived?.(version, job, order.from))
  }

  /** Have the picture at hand before it is shown, so that nothing flickers. */
  private async preload(id: string): Promise<void> {
    const version = this.byId.get(id)
    if (!version) return
    const image = new Image()
    image.src = this.api.pictureUrl(version.image)
    const soon = new Promise((done) => setTimeout(done, 2000))
    await Promise.race([image.decode().catch(() => {}), soon])
  }

  private async learn(version: string): Promise<void> {
    const detail = await this.ask(version)
    if (detail) this.take(detail)
  }

  private readonly linked = (link: Link, again: boolean): void => {
    const before = this.link
    this.link = link
    if (link === 'offline') {
      if (before === 'online') notices.announce('The connection is lost.')
      this.cut = true
    }
    if (link !== 'online') return
    if (again && this.cut) notices.announce('Connected again.')
    this.cut = false
    // What came between reading the versions and hearing of new ones is read now.
    if (again || this.broken || this.loaded) void this.refresh()
  }

  private readonly hear = ({ kind, data }: Heard): void => {
    const job = String(data.job ?? data.id ?? '')
    switch (kind) {
      case 'job':
        this.hearJob(data)
        break
      case 'progress': {
        const known = this.underway(job)
        if (known) {
          this.jobs.set(job, {
            ...known,
            status: 'running',
            step: Number(data.step),
            steps: Number(data.steps),
            seconds_left: data.seconds_left === null ? null : Number(data.seconds_left),
          })
        }
        break
      }
      case 'preview': {
        const known = this.underway(job)
        if (known) this.jobs.set(job, { ...known, preview: String(data.image) })
        break
      }
      case 'version':
        void this.learn(String(data.id ?? data.version))
        break
      case 'mark':
      case 'findings':
        void this.learn(String(data.version ?? data.id))
        break
    }
  }

  /** A job that has not come to its end: what is heard late of one that has counts no more. */
  private underway(id: string): JobView | null {
    const known = this.jobs.get(id)
    return known && known.status !== 'done' ? known : null
  }

  private hearJob(data: Record<string, unknown>): void {
    const job = data as unknown as Job
    const id = job.id ?? String(data.job)
    const before = this.jobs.get(id)
    if (!before && !job.operation) {
      void attempt(() => this.api.jobs()).then((all) => all?.items.forEach((each) => this.know(each)))
      return
    }
    this.know({ ...before, ...job, id } as Job, true)
  }
}
