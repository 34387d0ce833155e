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
  'task.kind': 'Task',
  'task.strength': 'Strength',
  'task.feather': 'Feather',
  'prompt.negative': 'Negative',
  'model.name': 'Model',
  engine: 'Engine',
  conditionings: 'Steered by',
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
    .filter(([key]) => !/digest|prompt\.text|task\.(image|mask|region|work)|prompt$/.test(key))
    .map(([key, [before, after]]) => ({
      name: NAMES[key] ?? key,
      before: key === 'conditionings' ? conditions(before).join('; ') || 'nothing' : shown(before),
      after: key === 'conditionings' ? conditions(after).join('; ') || 'nothing' : shown(after),
    }))
}

function shown(value: unknown): string {
  if (value === null || value === undefined || value === '') return 'none'
  if (typeof value === 'object') return JSON.stringify(value)
  return String(value)
}
