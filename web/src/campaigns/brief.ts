/** A brief as a form holds it, and as the server takes it. Pure. */

export interface Pin {
  /** One of both: a version of the project, or an https address. */
  version: string
  link: string
  note: string
  /** Drafts take its style. */
  like: boolean
}

export type Words = 'prompts' | 'template'

export interface BriefForm {
  name: string
  purpose: string
  words: Words
  prompts: string
  /** The text of a template, or with a playbook the name of one in it. */
  template: string
  playbook: string
  values: Record<string, string>
  rows: Record<string, string>[]
  pins: readonly Pin[]
  drafts: number
  count: number
  aspect: string
  select: boolean
  approve: boolean
  seconds: number | null
  /** What the brief says that the form has no field for. */
  rest: Record<string, unknown>
}

export const EMPTY: BriefForm = {
  name: '', purpose: '', words: 'prompts', prompts: '', template: '', playbook: '', values: {}, rows: [],
  pins: [], drafts: 12, count: 3, aspect: '', select: true, approve: false, seconds: null, rest: {},
}

export const ASPECTS = ['', '1:1', '4:5', '3:2', '16:9', '9:16']

const part = (value: unknown): Record<string, unknown> =>
  value && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
const list = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.map(part) : [])
const text = (value: unknown): string => (typeof value === 'string' ? value : '')

export const lines = (prompts: string): string[] => prompts.split('\n').map((line) => line.trim()).filter(Boolean)

/** The form of a brief that was sent before. */
export function formOf(brief: Record<string, unknown>): BriefForm {
  const { campaign, purpose, prompts, template, board, drafts, select, polish, pause, budget, ...rest } = brief
  const how = part(drafts)
  const like = new Set(list(how.reference).filter((each) => each.role === 'style').map((each) => text(each.version)))
  const filled = part(template)
  const pauses = Array.isArray(pause) ? pause : []
  return {
    ...EMPTY,
    name: text(campaign),
    purpose: text(purpose),
    words: template ? 'template' : 'prompts',
    prompts: Array.isArray(prompts) ? prompts.map(text).join('\n') : '',
    template: text(filled.name) || text(filled.text),
    playbook: text(filled.playbook),
    values: part(filled.values) as Record<string, string>,
    rows: list(filled.rows) as Record<string, string>[],
    pins: list(board).map((each) => ({
      version: text(each.version), link: text(each.link), note: text(each.note), like: like.has(text(each.version)),
    })),
    drafts: Number(how.count ?? 30),
    count: Number(part(select).count ?? 5),
    aspect: text(part(polish).aspect),
    select: pauses.includes('select'),
    approve: pauses.includes('approve'),
    seconds: typeof part(budget).seconds === 'number' ? (part(budget).seconds as number) : null,
    rest: { ...rest, drafts: how, select: part(select), polish: part(polish), budget: part(budget) },
  }
}

/** The brief that a form says; what it has no field for goes along unchanged. */
export function briefOf(form: BriefForm): Record<string, unknown> {
  const { drafts, select, polish, budget, ...rest } = form.rest
  const references = list(part(drafts).reference).filter((each) => each.role !== 'style')
  const liked = form.pins.filter((pin) => pin.like && pin.version)
  const reference = [...references, ...liked.map((pin) => ({ version: pin.version, role: 'style' }))]
  const how = { ...part(drafts), count: form.drafts, reference }
  const finish = { ...part(polish), aspect: form.aspect }
  const pause = [...(form.select ? ['select'] : []), ...(form.approve ? ['approve'] : [])]
  return {
    ...rest,
    campaign: form.name,
    ...(form.purpose.trim() && { purpose: form.purpose.trim() }),
    ...(form.words === 'prompts' ? { prompts: lines(form.prompts) } : { template: templateOf(form) }),
    ...(form.pins.length && {
      board: form.pins.map(({ version, link, note }) => ({ ...(version ? { version } : { link }), note })),
    }),
    drafts: reference.length ? how : { ...how, reference: undefined },
    select: { ...part(select), count: form.count },
    ...((form.aspect || Object.keys(part(polish)).length) && { polish: finish }),
    ...(pause.length && { pause }),
    ...(form.seconds !== null && { budget: { ...part(budget), seconds: form.seconds } }),
  }
}

/** Which template, with what in it. */
export function templateOf(form: Pick<BriefForm, 'template' | 'playbook' | 'values' | 'rows'>): Record<string, unknown> {
  return {
    ...(form.playbook ? { name: form.template, playbook: form.playbook } : { text: form.template }),
    values: filled(form.values),
    rows: form.rows.map(filled),
  }
}

/** Values that say something: a blank cell takes what holds for all. */
export const filled = (values: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value.trim() !== ''))
