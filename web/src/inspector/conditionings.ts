/** What a recipe says of maps, references, LoRAs and learned words, for people. Pure. */
import { percent } from '../state/format'
import { LIKE, STRUCTURE, type Use } from '../state/steering.svelte'

type Any = Record<string, unknown>
const listed = (value: unknown): Any[] => (Array.isArray(value) ? (value as Any[]) : [])

/** What steered a picture beside its words. */
export interface Steered {
  kind: 'control' | 'reference'
  use: Use
  image: string
  strength: number
  when: [number, number]
  mask: string | null
  name: string
  /** How much, when and where. */
  says: string
}

export function steeredBy(conditionings: unknown): Steered[] {
  const found = listed(conditionings)
  return found.flatMap((each): Steered[] => {
    if ((each.kind !== 'control' && each.kind !== 'reference') || each.condition === 'inpaint') return []
    const use = String(each.kind === 'control' ? each.condition : each.role) as Use
    const when: [number, number] = [Number(each.start ?? 0), Number(each.end ?? 1)]
    const mask = each.mask ? String(each.mask) : null
    const part = when[0] > 0 || when[1] < 1 ? `steps ${Math.round(when[0] * 100)}–${percent(when[1])}` : ''
    const name = `${each.kind === 'control' ? 'Obeys' : 'Has'} its ${(STRUCTURE[use] ?? LIKE[use] ?? use).replace('Its ', '')}`
    const who = each.recogniser ? `told by ${String((each.recogniser as Any).name)}` : ''
    const says = [String(each.strength), part, mask ? 'in a part' : '', who].filter(Boolean).join(', ')
    return [{ kind: each.kind, use, image: String(each.image), strength: Number(each.strength), when, mask, name, says }]
  })
}

/** A network that looks at what surrounds the hole. */
export const filledBy = (each: Any): string => `${String((each.adapter as Any | undefined)?.name)}, ${String(each.strength)}`

/** All of them in a line each. */
export function conditions(conditionings: unknown): string[] {
  const others = listed(conditionings).flatMap((each) => {
    if (each.kind === 'lora') return [`${String(each.name)}, ${String(each.weight)}`]
    if (each.condition === 'inpaint') return [filledBy(each)]
    return each.kind === 'embedding' ? [String(each.word)] : []
  })
  return [...steeredBy(conditionings).map((each) => `${each.name}, ${each.says}`), ...others]
}
