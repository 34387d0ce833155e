import { describe, expect, it } from 'vitest'
import type { Heard } from '../src/api/events'
import { Room } from '../src/state/room.svelte'

/** A room that has heard this, without a server. */
function heard(...lines: Heard[]): Room {
  const room = new Room('a')
  const hear = (room as unknown as { hear: (heard: Heard) => void }).hear
  for (const line of lines) hear(line)
  return room
}

const job = (status: string): Heard =>
  ({ kind: 'job', data: { id: 'j', group: 'g', operation: 'reweight', status, parents: [], created_at: '', place: 0 } }) as unknown as Heard
const progress = { kind: 'progress', data: { job: 'j', step: 39, steps: 40, seconds_left: 0.1 } } as unknown as Heard
const preview = { kind: 'preview', data: { job: 'j', image: 'data:x' } } as unknown as Heard

describe('a job', () => {
  it('is followed while it runs', () => {
    const room = heard(job('queued'), progress, preview)
    expect(room.running.map((each) => [each.status, each.step, each.preview])).toEqual([['running', 39, 'data:x']])
  })

  it('that is done stays done, whatever is heard late', () => {
    const room = heard(job('running'), preview, job('done'), progress, preview, job('running'))
    expect(room.running).toEqual([])
    expect(room.jobs.get('j')?.status).toBe('done')
  })

  it('that failed may be tried again', () => {
    expect(heard(job('running'), job('failed'), job('queued'), progress).running).toHaveLength(1)
  })
})
