/** The server's shapes under the names the studio uses. `schema.d.ts` is made from its OpenAPI. */
import type { components } from './schema'

type Shapes = components['schemas']

export type Project = Shapes['ProjectOut']
export type Summary = Shapes['Summary']
export type VersionPage = Shapes['VersionPage']
export type GraphNode = Shapes['GraphNode']
export type Rating = GraphNode['rating']
export type Finding = Shapes['FindingOut']
export type Word = Shapes['WordOut']
export type Detail = Shapes['VersionDetail']
export type TokenMaps = Shapes['TokenMaps']
export type Chip = Shapes['ChipOut']
export type PromptProblem = Shapes['PromptProblem']
export type PromptRead = Shapes['PromptOut']
export type Proposal = Shapes['ProposalOut']
export type Reweighed = Shapes['Reweighed']
export type Model = Shapes['ModelOut']
export type Session = Shapes['SessionOut']
export type Job = Shapes['JobOut']
export type Accepted = Shapes['Accepted']
export type MapOut = Shapes['MapOut']
export type MaskMade = Shapes['MaskOut']
export type Comparison = Shapes['ComparisonOut']
export type HeatChange = Shapes['HeatChangeOut']
export type Pick = Shapes['PickOut']
export type Campaign = Shapes['CampaignOut']
export type CampaignRoom = Shapes['RoomOut']
export type Pinned = Shapes['PinnedOut']
export type Swatch = Shapes['SwatchOut']
export type SavedPlaybook = Shapes['SavedOut']
export type Playbook = Shapes['PlaybookOut']
export type TemplateCard = Shapes['TemplateOut']
export type Variable = Shapes['VariableOut']
export type Tried = Shapes['Tried']
export type Checks = Shapes['ChecksOut']
export type Dataset = Shapes['DatasetOut']
export type Entry = Shapes['EntryOut']
export type Training = Shapes['TrainingOut']
export type TrainingSummary = Shapes['TrainingSummary']
export type Service = Shapes['EngineOut']
export type Pong = Shapes['PongOut']
export type Adapter = Shapes['AdapterOut']
export type Verdict = Shapes['VerdictOut']

/** Asked for by query, so not among the schemas until the server has it. */
export interface Estimate {
  seconds: number | null
  samples: number
  from: string
}
