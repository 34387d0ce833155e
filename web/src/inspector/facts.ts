/** A version's recipe as names and values that people can read and copy. Pure. */
import type { Detail } from '../api/types'
import { filledBy, type Steered, steeredBy } from './conditionings'

export interface Fact {
  name: string
  value: string
  long?: boolean
  /** Of interest to those who look inside: folded away at first. */
  inner?: boolean
}

type Any = Record<string, unknown>

const INNER = new Set(['Task', 'Steps', 'Guidance', 'Sampler', 'Model', 'Engine', 'Recipe', 'Version', 'Build'])

/** What steered a picture beside its words. */
export const steered = (detail: Detail): Steered[] => steeredBy((detail.recipe as Any).conditionings)

export function facts(detail: Detail): Fact[] {
  const recipe = detail.recipe as Any
  const sampling = (recipe.sampling ?? null) as Any | null
  const task = (recipe.task ?? {}) as Any
  const found: Fact[] = []
  const put = (name: string, value: unknown, long = false) => {
    if (value !== null && value !== undefined && value !== '') found.push({ name, value: String(value), long, inner: INNER.has(name) })
  }
  put('Prompt', detail.prompt, true)
  put('Negative', detail.negative, true)
  put('Task', task.kind)
  put('Strength', task.strength !== 1 ? task.strength : '')
  put('Scale', task.scale)
  put('Seed', detail.seed)
  put('Quality', detail.quality)
  put('Steps', sampling?.steps)
  put('Guidance', sampling?.guidance)
  put('Sampler', sampling?.sampler)
  if (task.kind === 'retouch') {
    for (const [name, value] of Object.entries(task)) {
      if (typeof value === 'number' && value !== 0 && !['match', 'radius', 'seed'].includes(name)) put(name.charAt(0).toUpperCase() + name.slice(1), value)
    }
  }
  for (const each of (recipe.conditionings ?? []) as Any[]) {
    if (each.kind === 'lora') put('LoRA', `${String(each.name)}, ${String(each.weight)}`)
    if (each.condition === 'inpaint') put('Filled by', filledBy(each))
  }
  const origin = detail.origin as Any
  if (origin.playbook) put('Playbook', `${String(origin.playbook)} ${String(origin.version ?? '')}, ${String(origin.template)}`)
  else if (origin.template) put('Template', origin.template, true)
  put('Row', origin.row)
  put('Locked', detail.locked.join(', '), true)
  put('Model', detail.model)
  put('Engine', detail.engine)
  put('Recipe', detail.recipe_digest)
  put('Version', detail.id)
  put('Build', detail.build)
  const money = (detail.cost.money ?? {}) as Any
  if (Number(money.amount)) put('Cost', `${String(money.amount)} ${String(money.currency)}`)
  return found
}
