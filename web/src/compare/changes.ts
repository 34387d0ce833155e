/** A comparison in the words of people. Pure. */
import type { Comparison } from '../api/types'
import { conditions } from '../inspector/conditionings'

export interface WordChange {
  word: string
  says: string
  kind: 'added' | 'removed' | 'reweighted'
}

const NAMES: Record<string, string> = {
  'sampling.steps': 'Steps',
  'sampling.guidance': 'Guidance',
  'sampling.seed': 'Seed',
  'sampling.sampler': 'Sampler',
  'size.width': 'Width',
  'size.height': 'Height',
  'task.kind': 'Drawn',
  'task.strength': 'Strength',
  'task.feather': 'Feather',
  'prompt.negative': 'Negative',
  'model.name': 'Model',
  engine: 'Engine',
  conditionings: 'Steered by',
}

/** How a picture was drawn, by its task. */
const TASKS: Record<string, string> = {
  'text-to-image': 'from words',
  'image-to-image': 'from a picture',
  continue: 'from a draft',
  anchored: 'where its words lay',
  inpaint: 'in the mask only',
  outpaint: 'around it',
  upscale: 'enlarged',
  import: 'elsewhere',
}

export function wordChanges(comparison: Comparison): WordChange[] {
  const words = comparison.words as Record<string, unknown>
  // A replacement has words of its own; those of the picture around it still hold.
  const local = (comparison.parameters as Record<string, unknown[]>)['task.kind']?.[1] === 'inpaint'
  const list = (key: string) => (Array.isArray(words[key]) ? (words[key] as unknown[]) : [])
  return [
    ...list('reweighted').flatMap((each): WordChange[] =>
      Array.isArray(each) ? [{ word: String(each[0]), says: `${each[1]} → ${each[2]}`, kind: 'reweighted' }] : [],
    ),
    ...list('added').map((each): WordChange => ({ word: textOf(each), says: local ? 'in the replaced area' : 'added', kind: 'added' })),
    ...(local ? [] : list('removed')).map((each): WordChange => ({ word: textOf(each), says: 'removed', kind: 'removed' })),
  ]
}

const textOf = (value: unknown): string => String(Array.isArray(value) ? value[0] : value)

export interface ParameterChange {
  name: string
  before: string
  after: string
}

/** Changed fields of the recipe; digests and what follows from others are left out. */
export function parameterChanges(comparison: Comparison): ParameterChange[] {
  return Object.entries(comparison.parameters as Record<string, unknown[]>)
    .filter(([key]) => !/digest|prompt\.text|task\.(image|mask|region|work|trace|step)|prompt$/.test(key))
    .map(([key, [before, after]]) => ({ name: NAMES[key] ?? key, before: shown(key, before), after: shown(key, after) }))
}

function shown(key: string, value: unknown): string {
  if (key === 'conditionings') return conditions(value).join('; ') || 'nothing'
  if (key === 'task.kind') return TASKS[String(value)] ?? String(value)
  if (value === null || value === undefined || value === '') return 'none'
  if (typeof value === 'object') return JSON.stringify(value)
  return String(value)
}
