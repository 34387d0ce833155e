/** Orders: what the big button does now, and every other operation, each with its estimate. */
import { about, count } from './format'
import { attempt, notices } from './notices.svelte'
import { studio } from './studio.svelte'
import { changedWeights, weightText } from '../words/weights'

export interface Plan {
  operation: 'generate' | 'reweight'
  n: number
  label: string
  note: string
  body: Record<string, unknown>
  from: string | null
}

/** What Generate would do: redraw with other weights where only those changed, else draw anew. */
export function plan(): Plan | null {
  const { words, looking, current } = studio
  if (!words?.text.trim()) return null
  const base = looking?.base
  const n = words.count
  const same =
    base &&
    words.basis === base.id &&
    words.basisChips &&
    words.readOf === words.text &&
    !words.flags &&
    !studio.steering?.some &&
    words.negative === (base.negative ?? '') &&
    words.seedMode === 'locked' &&
    words.seed === base.seed &&
    n === 1 &&
    (!words.size || (words.size[0] === base.width && words.size[1] === base.height)) &&
    (base.quality === null || words.quality === base.quality)
  const weights = same ? changedWeights(words.chips, words.basisChips!) : null
  if (base && weights && Object.keys(weights).length) {
    const changes = Object.entries(weights).map(([word, weight]) => `${word} ${weightText(weight)}`)
    const label = changes.length > 2 ? `${changes.slice(0, 2).join(', ')} …` : changes.join(', ')
    return {
      operation: 'reweight',
      n: 1,
      label: `Redraw with ${label}`,
      note:
        base.id === current?.id
          ? 'Same seed, same composition.'
          : `Starts from ${base.short}, before later edits.`,
      body: { version: base.id, weights },
      from: current?.id ?? null,
    }
  }
  const again = same && weights && !Object.keys(weights).length
  const seed = words.seedMode === 'random' || again ? null : words.seed
  // What a flag in the text says is not said again: by name it would count before the flag.
  const flagged = words.flags?.settings ?? {}
  const verb = words.quality === 'draft' ? 'Draft' : 'Draw'
  return {
    operation: 'generate',
    n,
    label: again ? `${verb} another` : `${verb} ${n}`,
    note: [
      seed === null ? (n > 1 ? 'With new seeds.' : 'With a new seed.') : n > 1 ? `Seeds ${seed} to ${seed + n - 1}.` : `Seed ${seed}.`,
      steeredBy(),
    ]
      .filter(Boolean)
      .join(' '),
    body: {
      prompt: words.text,
      negative: words.negative,
      n,
      ...(!('quality' in flagged) && { quality: words.quality }),
      ...(seed !== null && !('seed' in flagged) && { seed }),
      ...(words.size && !('size' in flagged) && { size: words.size }),
      ...studio.steering?.body(),
    },
    from: current?.id ?? null,
  }
}

/** What else has a say, in a few words. */
function steeredBy(): string {
  const { shown = [], loras = {} } = studio.steering ?? {}
  const parts = [...(shown.length ? [count(shown.length, 'picture')] : []), ...Object.keys(loras)]
  return parts.length ? `Steered by ${parts.join(', ')}.` : ''
}

export async function carryOut(): Promise<void> {
  const { room, words } = studio
  if (!room || !words) return
  await words.settled()
  const what = plan()
  if (!what) return
  const jobs = await room.order(what.operation, what.body, what.from)
  if (!jobs) return
  if (what.n > 1) studio.go({ screen: 'drafts', project: room.id })
  notices.announce(`${count(jobs.length, 'picture')} ordered.`)
}

/** Draw what the box says where the mask is white. */
export async function replace(): Promise<void> {
  const { room, editor, current, words, steering } = studio
  if (!room || !editor?.has || !current) return
  const again = editor.replaced?.after === current.id ? editor.replaced : null
  const from = again && again.prompt === editor.prompt.trim() ? again.before : current.id
  editor.keepPrompt()
  await attempt(async () => {
    const mask = await room.api.sendMask(from, await editor.png())
    await room.order(
      'inpaint',
      { version: from, mask: mask.digest, prompt: editor.prompt.trim(), quality: words?.quality ?? 'final', ...steering?.edit() },
      current.id,
    )
  })
}

/** Carry out the remedy of a finding. */
export async function remedy(version: string, finding: string): Promise<void> {
  await studio.room?.order('apply', { version, finding }, studio.current?.id ?? null)
}

export async function operate(operation: string, body: Record<string, unknown>): Promise<void> {
  const { room, current } = studio
  if (!room || !current) return
  await room.order(operation, { version: current.id, ...body }, current.id)
}

export async function goBack(version: string): Promise<void> {
  const { room } = studio
  if (!room) return
  const made = await attempt(() => room.api.rollback(version))
  if (!made) return
  room.take(made)
  studio.show(made.id)
  notices.say('This picture is the newest again. What came between stays in the strip.')
}

export async function take(files: Iterable<File>): Promise<void> {
  const { room } = studio
  if (!room) return
  for (const file of files) {
    const made = await attempt(() => room.api.importPicture(file))
    if (!made) continue
    room.take(made)
    studio.show(made.id)
    notices.say(`${file.name || 'The picture'} is imported.`)
  }
}

/** The same words and seed in other styles, as drafts. */
export async function explore(reach: 'near' | 'far'): Promise<void> {
  const { room, words } = studio
  if (!room || !words?.text.trim()) return
  const jobs = await room.order(
    'explore',
    {
      prompt: words.text,
      negative: words.negative,
      reach,
      n: 8,
      quality: 'draft',
      ...(words.seedMode !== 'random' && { seed: words.seed }),
      ...(words.size && { size: words.size }),
    },
    null,
  )
  if (!jobs) return
  studio.go({ screen: 'drafts', project: room.id })
  notices.announce(`${count(jobs.length, 'style')} ordered.`)
}

/** Finish the picked drafts with all steps; each finished picture is a child of its draft. */
export async function finish(ids: readonly string[]): Promise<void> {
  const { room } = studio
  if (!room) return
  let ordered = 0
  for (const id of ids) {
    const jobs = await room.order('refine', { version: id, quality: 'final' }, null)
    if (jobs) {
      ordered += jobs.length
      studio.pick(id)
    }
  }
  if (ordered) {
    notices.say(ordered === 1 ? 'The picked draft is being finished.' : `${ordered} picked drafts are being finished.`)
  }
}

/** How long something takes, by this project's own past; asked once for each kind. */
class Estimates {
  private known = $state.raw<ReadonlyMap<string, number | null>>(new Map())
  private asked = new Set<string>()

  seconds(operation: string, quality: string, n: number, width: number, height: number): number | null {
    const { room } = studio
    if (!room) return null
    const key = [room.id, operation, quality, width, height, Math.floor(room.versions.length / 8)].join()
    if (!this.asked.has(key)) {
      this.asked.add(key)
      queueMicrotask(() => {
        void room.api.estimate({ operation, quality, n: 1, width, height }).then(
          (estimate) => (this.known = new Map([...this.known, [key, estimate.seconds]])),
          () => this.asked.delete(key),
        )
      })
    }
    const one = this.known.get(key)
    return one === null || one === undefined ? null : one * n
  }

  text(operation: string, quality: string, n = 1): string {
    const { words, model, current } = studio
    const [width, height] = words?.size ?? [
      current?.width ?? model?.width ?? 512,
      current?.height ?? model?.height ?? 512,
    ]
    const value = this.seconds(operation, quality, n, width, height)
    return value === null ? '' : about(value)
  }
}

export const estimates = new Estimates()
