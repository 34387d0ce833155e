import { describe, expect, it } from 'vitest'
import type { Comparison, Detail } from '../src/api/types'
import { parameterChanges } from '../src/compare/changes'
import { facts, steered } from '../src/inspector/facts'
import { Steering } from '../src/state/steering.svelte'

const picture = { version: 'v'.repeat(64), image: 'a'.repeat(64), width: 256, height: 256, name: 'fox' }

describe('what steers', () => {
  it('is ordered as it is set: made of a version, painted over, or a map itself', () => {
    const steering = new Steering('p')
    steering.add({ ...picture, use: 'lineart' })
    const one = steering.shown[0]!
    expect(steering.body()).toEqual({ control: [{ condition: 'lineart', version: picture.version, strength: 1, make: true }] })
    steering.change(one.key, { map: { digest: 'b', width: 256, height: 256 }, when: [0, 0.5], strength: 0.6 })
    expect(JSON.parse(JSON.stringify(steering.body()))).toEqual({
      control: [{ condition: 'lineart', image: 'b', of: picture.version, strength: 0.6, start: 0, end: 0.5 }],
    })
    steering.change(one.key, { map: null, own: true, use: 'depth', when: [0, 1] })
    expect(steering.body()).toMatchObject({ control: [{ condition: 'depth', make: false }] })
    steering.change(one.key, { use: 'style', where: { digest: 'm', width: 256, height: 256 } })
    expect(steering.body()).toEqual({
      reference: [{ role: 'style', version: picture.version, strength: 0.6, start: 0, end: 1, mask: 'm' }],
    })
    steering.drop(one.key)
    expect(steering.body()).toEqual({})
  })

  it('offers the structures that a network at hand reads, and no other', () => {
    const steering = new Steering('p')
    const network = { kind: 'control' as const, name: 'c', conditions: ['lineart', 'depth'], roles: [], licence: '', trigger: '', numbers: 0, misfit: '', skeleton: null }
    steering.adapters = [network, { ...network, conditions: ['pose'], misfit: 'for another model' }, { ...network, conditions: [] }]
    expect(steering.structures).toEqual(['lineart', 'depth'])
  })

  it('looks at what surrounds a hole in edits alone, where a network does and it is wished', () => {
    const steering = new Steering('p')
    steering.fills = true
    expect([steering.filler, steering.edit()]).toEqual([null, {}])
    const network = { kind: 'control' as const, name: 'fill-net', conditions: ['inpaint'], roles: [], licence: '', trigger: '', numbers: 0, misfit: '', skeleton: null }
    steering.adapters = [{ ...network, name: 'other', misfit: 'for another model' }, network]
    steering.add({ ...picture, use: 'depth' })
    expect(steering.edit()).toMatchObject({ control: [{ condition: 'depth' }, { condition: 'inpaint', adapter: 'fill-net' }] })
    expect(steering.body()).toMatchObject({ control: [{ condition: 'depth' }] })
    expect(steering.structures).toEqual([])
    steering.fills = false
    expect(steering.edit()).toEqual(steering.body())
  })

  it('says where two maps go to one place, and leaves out a figure that is not set', () => {
    const steering = new Steering('p')
    const skeleton = { joints: [], bones: [], colours: [], width: 0.01, poses: {} }
    steering.adapters = [{ kind: 'control', name: 'c', conditions: ['lineart', 'scribble', 'pose'], roles: [], licence: '', trigger: '', numbers: 0, misfit: '', skeleton }]
    steering.add({ ...picture, use: 'lineart' })
    steering.add({ ...picture, use: 'scribble' })
    expect(steering.shown.map((each) => steering.clashes(each))).toEqual([false, true])
    steering.change(2, { when: [0.5, 1] })
    expect(steering.clashes(steering.shown[1]!)).toBe(false)
    steering.change(2, { use: 'pose' })
    expect(steering.body()).toMatchObject({ control: [{ condition: 'lineart' }] })
    steering.change(2, { map: { digest: 'f', width: 256, height: 256 } })
    expect(steering.body()).toMatchObject({ control: [{ condition: 'lineart' }, { condition: 'pose', image: 'f' }] })
  })

  it('is told of a picture that it steered', () => {
    const conditionings = [
      { kind: 'control', condition: 'lineart', image: 'c', strength: 0.6, start: 0, end: 0.5 },
      { kind: 'reference', role: 'style', image: 'd', strength: 1, mask: 'm' },
      { kind: 'lora', name: 'ink', weight: 0.7 },
      { kind: 'control', condition: 'inpaint', image: 'e', adapter: { name: 'fill-net' }, strength: 0.9, start: 0, end: 1 },
    ]
    const detail = { recipe: { conditionings }, origin: {}, locked: [], cost: {} } as unknown as Detail
    expect(steered(detail).map((each) => [each.name, each.says])).toEqual([
      ['Obeys its lines', '0.6, steps 0–50 %'],
      ['Has its style', '1, in a part'],
    ])
    const parameters = { conditionings: [[], conditionings] }
    expect(parameterChanges({ parameters } as unknown as Comparison)).toEqual([
      { name: 'Steered by', before: 'nothing', after: 'Obeys its lines, 0.6, steps 0–50 %; Has its style, 1, in a part; ink, 0.7; fill-net, 0.9' },
    ])
    expect(facts(detail)).toContainEqual({ name: 'LoRA', value: 'ink, 0.7', long: false, inner: false })
    expect(facts(detail)).toContainEqual({ name: 'Filled by', value: 'fill-net, 0.9', long: false, inner: false })
  })
})
