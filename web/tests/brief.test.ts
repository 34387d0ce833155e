import { describe, expect, it } from 'vitest'
import { briefOf, EMPTY, formOf } from '../src/campaigns/brief'
import { steps, standing } from '../src/campaigns/stages'
import type { Campaign } from '../src/api/types'

const BRIEF = {
  campaign: 'autumn',
  prompts: ['a red mug', 'a blue mug'],
  board: [{ version: 'v1', note: 'this red' }, { link: 'https://example.org/a.png', note: '' }],
  drafts: { count: 8, steps: 4, reference: [{ version: 'v1', role: 'style' }, { version: 'v9', role: 'object' }] },
  select: { count: 3 },
  polish: { until: 0.9, aspect: '4:5' },
  pause: ['select'],
  prices: { second: '0.0004' },
}

describe('a brief as a form', () => {
  it('keeps what the form has no field for', () => {
    const again = briefOf(formOf(BRIEF)) as typeof BRIEF
    expect(again).toEqual({
      ...BRIEF,
      drafts: { ...BRIEF.drafts, reference: [{ version: 'v9', role: 'object' }, { version: 'v1', role: 'style' }] },
    })
  })

  it('lets drafts be like what is pinned, and no longer when it is unticked', () => {
    const form = formOf(BRIEF)
    expect(form.pins.map((pin) => pin.like)).toEqual([true, false])
    const plain = briefOf({ ...form, pins: form.pins.map((pin) => ({ ...pin, like: false })) })
    expect((plain.drafts as { reference: unknown[] }).reference).toEqual([{ version: 'v9', role: 'object' }])
  })

  it('says a template with its rows; blank cells take what holds for all', () => {
    const form = { ...EMPTY, name: 'a', words: 'template' as const, template: 'hero', playbook: 'acme', values: { light: 'soft', what: '' }, rows: [{ what: 'mug', light: ' ' }] }
    expect(briefOf(form).template).toEqual({ name: 'hero', playbook: 'acme', values: { light: 'soft' }, rows: [{ what: 'mug' }] })
    expect(briefOf(form)).not.toHaveProperty('prompts')
    expect(formOf(briefOf(form))).toMatchObject({ words: 'template', template: 'hero', playbook: 'acme' })
  })
})

describe('where a campaign stands', () => {
  const campaign = { brief: BRIEF, board: [{}, {}], drafts: ['a', 'b'], chosen: [], finals: [], files: [], stage: 'drafts', waiting: null } as unknown as Campaign
  it('tells each stage as done, now or to come', () => {
    expect(steps(campaign).map((step) => step.state)).toEqual(['done', 'now', 'later', 'later', 'later', 'later'])
    expect(steps(campaign)[1]!.told).toBe('2 of 8')
    expect(steps({ ...campaign, stage: 'done' }).every((step) => step.state === 'done')).toBe(true)
  })
  it('says first what it waits for', () => {
    const room = { name: 'a', purpose: '', stage: 'select', waiting: 'choose 3 of 8 drafts', drafts: 8, finals: 0, pictures: [] }
    expect(standing(room)).toBe('Waits for you: choose 3 of 8 drafts')
    expect(standing({ ...room, waiting: null, stage: 'done', finals: 1 })).toBe('Done, 1 picture')
  })
})
