/** The stages of a campaign as people call them, and where one stands in a line. Pure. */
import type { Campaign, CampaignRoom } from '../api/types'
import { count } from '../state/format'

export const STAGES = [
  { name: 'board', label: 'Board' },
  { name: 'drafts', label: 'Draft' },
  { name: 'select', label: 'Choose' },
  { name: 'refine', label: 'Finish' },
  { name: 'polish', label: 'Polish' },
  { name: 'deliver', label: 'Deliver' },
] as const

export interface Step {
  label: string
  told: string
  state: 'done' | 'now' | 'later'
}

/** Each stage with what there is of it. */
export function steps(campaign: Campaign): Step[] {
  const wanted = campaign.brief as { drafts?: { count?: number }; select?: { count?: number }; board?: unknown[] }
  const of = (n: number, all: number | undefined) => (all && n < all ? `${n} of ${all}` : String(n))
  const told: Record<string, string> = {
    board: campaign.board.length ? String(campaign.board.length) : '',
    drafts: of(campaign.drafts.length, wanted.drafts?.count),
    select: campaign.chosen.length ? String(campaign.chosen.length) : '',
    refine: campaign.finals.length ? of(campaign.finals.length, campaign.chosen.length) : '',
    polish: '',
    deliver: campaign.files.length ? String(campaign.files.length) : '',
  }
  const stage = campaign.waiting?.stage === 'approve' ? 'deliver' : campaign.stage
  const now = stage === 'done' ? STAGES.length : STAGES.findIndex((each) => each.name === stage)
  return STAGES.map((each, at) => ({
    label: each.label,
    told: told[each.name] ?? '',
    state: at < now ? 'done' : at === now ? 'now' : 'later',
  }))
}

/** Where a campaign stands, in a few words. */
export function standing(room: CampaignRoom): string {
  if (room.waiting) return `Waits for you: ${room.waiting}`
  if (room.stage === 'done') return `Done, ${count(room.finals, 'picture')}`
  const stage = STAGES.find((each) => each.name === room.stage)
  return `${count(room.drafts, 'draft')}, next: ${(stage?.label ?? room.stage).toLowerCase()}`
}
