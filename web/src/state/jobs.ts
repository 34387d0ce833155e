/** Jobs as this window follows them. */
import type { Job } from '../api/types'

/** A job and what is shown of it. */
export interface JobView extends Job {
  preview: string | null
  /** Ordered in this window. */
  mine: boolean
}

/** What this window ordered, and where it stood when it did. */
export interface Order {
  group: string
  from: string | null
}
