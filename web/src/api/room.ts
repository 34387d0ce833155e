/** The addresses of one project, each once. */
import { BASE, type Asking, ask, askBlob, freshKey, query } from './client'
import type {
  Accepted,
  Adapter,
  Campaign,
  CampaignRoom,
  Checks,
  Comparison,
  Dataset,
  Detail,
  Estimate,
  GraphNode,
  Job,
  MapOut,
  MaskMade,
  Model,
  Project,
  Pick,
  Playbook,
  Pong,
  PromptRead,
  Proposal,
  Rating,
  Reweighed,
  SavedPlaybook,
  Service,
  Session,
  Summary,
  Swatch,
  TokenMaps,
  Training,
  TrainingSummary,
  Tried,
  VersionPage,
} from './types'

export const session = () => ask<Session>('GET', '/session')
export const projects = () => ask<{ items: Project[] }>('GET', '/projects')
export const createProject = (name: string) => ask<Project>('POST', '/projects', { json: { name } })
export const models = () => ask<{ items: Model[] }>('GET', '/models')
export const adapters = () => ask<{ items: Adapter[] }>('GET', '/adapters')
export const services = () => ask<{ items: Service[] }>('GET', '/engines')
export const pingService = (engine: string) => ask<Pong>('POST', `/engines/${engine}/ping`, { json: {} })
export const readPrompt = (text: string, negative: string, signal?: AbortSignal) =>
  ask<PromptRead>('POST', '/prompt', { json: { text, negative }, ...(signal && { signal }) })
export const reweigh = (text: string, start: number, end: number, weight: number) =>
  ask<Reweighed>('POST', '/prompt/reweigh', { json: { text, start, end, weight } })
export const suggestions = (text: string, count = 5) =>
  ask<{ items: Proposal[] }>('POST', '/prompt/suggestions', { json: { text, count } })


export interface Filter {
  limit?: number
  before?: string | null
  q?: string
  starred?: boolean
  rating?: string | null
  /** What the pictures show, in words, or the version that they are to be like: nearest first. */
  shows?: string
  like?: string | null
}

export type MaskWish = Record<string, unknown> & { version: string }

export class RoomApi {
  constructor(readonly id: string) {}

  private get base(): string {
    return `/projects/${encodeURIComponent(this.id)}`
  }

  private ask<T>(method: string, path: string, asking?: Asking): Promise<T> {
    return ask<T>(method, this.base + path, asking)
  }

  about = () => this.ask<Project>('GET', '')
  graph = () => this.ask<{ items: GraphNode[] }>('GET', '/graph')
  list = (filter: Filter) => this.ask<VersionPage>('GET', `/versions${query({ ...filter })}`)
  detail = (version: string) => this.ask<Detail>('GET', `/versions/${version}`)
  maps = (version: string) => this.ask<TokenMaps>('GET', `/versions/${version}/maps`)
  explain = (version: string, caption: string) =>
    this.ask<Accepted>('POST', `/versions/${version}/explain`, { json: { caption }, key: freshKey() })
  mark = (version: string, marks: { star?: boolean; rating?: Rating; name?: string }) =>
    this.ask<unknown>('PUT', `/versions/${version}/marks`, { json: marks })
  operate = (operation: string, json: Record<string, unknown>, key = freshKey()) =>
    this.ask<Accepted>('POST', `/operations/${operation}`, { json, key })
  rollback = (version: string) =>
    this.ask<Summary>('POST', '/operations/rollback', { json: { version }, key: freshKey() })
  importPicture = (file: Blob, caption = '') =>
    this.ask<Summary>('POST', `/imports${query({ caption })}`, {
      body: file,
      type: file.type || 'application/octet-stream',
      key: freshKey(),
    })
  sendMask = (version: string, png: Blob) =>
    this.ask<MaskMade>('POST', `/masks${query({ version })}`, { body: png, type: 'image/png' })
  /** A picture for reference or structure; it becomes no version. */
  keepPicture = (file: Blob) =>
    this.ask<MapOut>('POST', '/controls', { body: file, type: file.type || 'application/octet-stream' })
  /** A picture's map for a structure, to be seen and painted over. */
  makeMap = (json: Record<string, unknown>) => this.ask<MapOut>('POST', '/controls', { json })
  makeMask = (wish: MaskWish) => this.ask<MaskMade>('POST', '/masks', { json: wish })
  jobs = (status = '') => this.ask<{ items: Job[] }>('GET', `/jobs${query({ status })}`)
  cancel = (job: string) => this.ask<unknown>('POST', `/jobs/${job}/cancel`)
  cancelGroup = (group: string) => this.ask<unknown>('POST', `/groups/${group}/cancel`)
  retry = (job: string) => this.ask<unknown>('POST', `/jobs/${job}/retry`)
  estimate = (parts: { operation: string; quality: string; n: number; width: number; height: number }) =>
    ask<Estimate>('GET', `${this.base}/estimate${query(parts)}`)
  select = (versions: string[], count = 5) =>
    this.ask<{ items: Pick[] }>('POST', '/selection', { json: { versions, count } })
  campaigns = () => this.ask<{ rooms: CampaignRoom[] }>('GET', '/campaigns')
  campaign = (name: string) => this.ask<Campaign>('GET', `/campaigns/${name}`)
  carryOn = (brief: Record<string, unknown>) =>
    this.ask<Accepted>('POST', '/campaigns', { json: { brief }, key: freshKey() })
  chooseIn = (name: string, stage: string, versions: string[]) =>
    this.ask<Accepted>('POST', `/campaigns/${name}/choice`, { json: { stage, versions }, key: freshKey() })
  palette = (digest: string) => this.ask<{ items: Swatch[] }>('GET', `/pictures/${digest}/palette`)
  playbooks = () => this.ask<{ items: SavedPlaybook[] }>('GET', '/playbooks')
  playbook = (name: string, revision: number | null) =>
    this.ask<Playbook>('GET', `/playbooks/${name}${query({ revision })}`)
  savePlaybook = (text: string) => this.ask<SavedPlaybook>('POST', '/playbooks', { json: { text } })
  testPlaybook = (name: string) => this.ask<Checks>('POST', `/playbooks/${name}/test`)
  tryTemplate = (json: Record<string, unknown>, signal?: AbortSignal) =>
    this.ask<Tried>('POST', '/template', { json, ...(signal && { signal }) })
  previewRetouch = async (json: Record<string, unknown>, signal?: AbortSignal): Promise<Blob> =>
    (await askBlob('POST', `${this.base}/previews/retouch`, { json, ...(signal && { signal }) })).blob
  datasets = () => this.ask<{ items: string[] }>('GET', '/datasets')
  dataset = (name: string) => this.ask<Dataset>('GET', `/datasets/${name}`)
  curate = (name: string, json: Record<string, unknown>) => this.ask<Dataset>('POST', `/datasets/${name}`, { json })
  trainings = () => this.ask<{ items: TrainingSummary[] }>('GET', '/trainings')
  training = (name: string) => this.ask<Training>('GET', `/trainings/${name}`)
  compare = (before: string, after: string) =>
    this.ask<Comparison>('GET', `/compare${query({ before, after })}`)
  export = (json: Record<string, unknown>) => askBlob('POST', `${this.base}/exports`, { json })

  picture = async (digest: string): Promise<Blob> =>
    (await askBlob('GET', `${this.base}/pictures/${digest}`)).blob
  layers = (json: Record<string, unknown>) => askBlob('POST', `${this.base}/layers`, { json })

  pictureUrl = (digest: string) => `${BASE}${this.base}/pictures/${digest}`
  thumbUrl = (digest: string, side: 64 | 128 | 256 | 512 | 1024) =>
    `${BASE}${this.base}/pictures/${digest}/${side}.webp`
  differenceUrl = (before: string, after: string) =>
    `${BASE}${this.base}/compare/difference.png${query({ before, after })}`
  eventsUrl = (after: number | null) => `${BASE}${this.base}/events${query({ after })}`
}
