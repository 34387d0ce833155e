/** The studio: which project is open, which picture is on the screen, and how to get elsewhere. */
import { trust } from '../api/client'
import * as api from '../api/room'
import { Problem } from '../api/client'
import type { Model, Project, Session } from '../api/types'
import { Editor } from '../canvas/editor.svelte'
import { deed } from './format'
import { history as past } from './history.svelte'
import { recall, remember } from './kept'
import { Looking } from './looking.svelte'
import { notices } from './notices.svelte'
import type { JobView } from './jobs'
import { Room } from './room.svelte'
import { type Route, href, parse } from './router'
import { Steering } from './steering.svelte'
import { Words } from './words.svelte'

class Studio {
  session = $state.raw<Session | null>(null)
  models = $state.raw<Model[]>([])
  projects = $state.raw<Project[]>([])
  broken = $state.raw<Problem | null>(null)
  /** Why nothing can be drawn: the engine or its model is away. */
  away = $state.raw<Problem | null>(null)
  room = $state.raw<Room | null>(null)
  words = $state.raw<Words | null>(null)
  steering = $state.raw<Steering | null>(null)
  editor = $state.raw<Editor | null>(null)
  looking = $state.raw<Looking | null>(null)
  route = $state.raw<Route>(parse(location.pathname))
  /** Which sheet is pulled up on a narrow screen. */
  sheet = $state<'none' | 'words' | 'inspector'>('none')
  /** Drafts that were picked to be finished. */
  picked = $state.raw<ReadonlySet<string>>(new Set())

  readonly model = $derived(this.models.find((model) => model.default) ?? this.models[0] ?? null)
  /** Whether pictures can be found by what they show. */
  readonly looks = $derived(this.model?.clip ?? false)
  readonly current = $derived(this.find())

  private find() {
    const { room, route } = this
    if (!room) return null
    if (route.screen !== 'refine' || !route.version) return room.newest
    return this.byPrefix(route.version) ?? (room.loaded ? null : room.newest)
  }

  byPrefix(prefix: string) {
    const { room } = this
    if (!room) return null
    return room.byId.get(prefix) ?? room.versions.find((each) => each.id.startsWith(prefix)) ?? null
  }

  async start(): Promise<void> {
    window.addEventListener('popstate', () => void this.arrive(parse(location.pathname)))
    // An address that names its project need not wait for the list of all.
    const direct = this.route.screen === 'start' ? null : this.arrive(this.route)
    await Promise.all([direct, this.knock()])
  }

  private again: ReturnType<typeof setTimeout> | undefined
  private later: ReturnType<typeof setTimeout> | undefined

  /** What can draw. Without it everything can still be looked at, so this never fails. */
  async askModels(): Promise<void> {
    clearTimeout(this.later)
    try {
      this.models = (await api.models()).items
      this.away = null
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      if (error.unreachable) return // the knock tells of that
      this.away = error
      this.later = setTimeout(() => void this.askModels(), 5000)
    }
  }

  /** The first talk with the server; again when it was away. */
  async knock(): Promise<void> {
    try {
      const [session, projects] = await Promise.all([api.session(), api.projects(), this.askModels()])
      trust(session.csrf)
      this.session = session
      this.projects = projects.items
      this.broken = null
      await this.arrive(this.route)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      this.broken = error
      clearTimeout(this.again)
      this.again = setTimeout(() => void this.knock(), 2000)
    }
  }

  go(route: Route, replace = false): void {
    const target = href(route)
    if (target !== location.pathname) {
      if (replace) history.replaceState(null, '', target)
      else history.pushState(null, '', target)
    }
    void this.arrive(route)
  }

  show(version: string, replace = false): void {
    if (this.room) this.go({ screen: 'refine', project: this.room.id, version }, replace)
  }

  /** What is like this picture, nearest first. */
  moreLike(version: string): void {
    if (this.room) this.go({ screen: 'library', project: this.room.id, like: version })
  }

  private async arrive(route: Route): Promise<void> {
    if (route.screen === 'start') {
      const last = recall<string>('project', '')
      const known =
        this.projects.find((project) => project.id === last) ??
        this.projects.find((project) => project.versions > 0) ??
        this.projects[0]
      if (known) {
        this.go({ screen: 'refine', project: known.id, version: null }, true)
        return
      }
      this.route = route
      return
    }
    this.route = route
    if (this.room?.id === route.project) return
    this.room?.close()
    this.words?.close()
    past.forget()
    const room = new Room(route.project)
    room.arrived = this.arrived
    this.words = new Words(room.id)
    this.steering = new Steering(room.id)
    void this.askAdapters(this.steering)
    this.editor = new Editor(room.id)
    this.looking = new Looking(room, () => this.current)
    this.picked = new Set(recall<string[]>(`picked:${room.id}`, []))
    this.room = room
    remember('project', room.id)
    await room.open()
    await this.lend(room)
    // Stay with the picture that was the newest: others may arrive from elsewhere.
    const now = this.route
    if (this.room === room && now.screen === 'refine' && !now.version && room.newest) {
      this.show(room.newest.id, true)
    }
  }

  private async askAdapters(steering: Steering): Promise<void> {
    // Without them LoRAs and structures are not offered; references need none.
    const found = await api.adapters().catch(() => null)
    if (found) steering.adapters = found.items
  }

  /** Whoever comes in by another screen finds the newest picture's words at hand. */
  private async lend(room: Room): Promise<void> {
    const { words, route } = this
    if (this.room !== room || !words || words.text || words.basis || route.screen === 'refine' || !room.newest) return
    const detail = await room.detail(room.newest.id)
    if (!detail?.prompt || words.text) return
    const { id, prompt, negative, seed, quality, width, height } = detail
    words.use({ id, text: prompt, negative: negative ?? '', seed, quality, size: [width, height] })
  }

  pick(id: string): void {
    const picked = new Set(this.picked)
    if (!picked.delete(id)) picked.add(id)
    this.picked = picked
    if (this.room) remember(`picked:${this.room.id}`, [...picked])
  }

  unpick(): void {
    this.picked = new Set()
    if (this.room) remember(`picked:${this.room.id}`, [])
  }

  /** A picture that was ordered here is there: show it, if the person still waits for it. */
  private readonly arrived = (version: string, job: JobView, from: string | null): void => {
    const { room, editor, route } = this
    if (!room) return
    const waited = route.screen === 'refine' && (from === null || this.current?.id === from || this.current?.id === version)
    const alone = ![...room.jobs.values()].some((each) => each.group === job.group && each.id !== job.id)
    if (waited && alone) {
      if (job.operation === 'inpaint' && from && editor) {
        const { parents } = room.byId.get(version) ?? { parents: [] }
        editor.carry(from, version)
        // Trying again starts from the same picture each time, not from the last try.
        editor.replaced = { before: parents[0] ?? from, after: version, prompt: job.prompt ?? editor.prompt }
        editor.shown = false // the mask would hide what it was for
        editor.tool = 'probe'
      }
      this.show(version)
      notices.announce(`${deed(job.operation)}: the new picture is on the screen.`)
    } else if (alone) {
      notices.say(`${deed(job.operation)}: a new picture is there.`, {
        label: 'Show it',
        perform: () => this.show(version),
      })
    } else notices.announce('A draft is there.')
  }
}

export const studio = new Studio()
