/** How something is learned, as people call it. */
import type { TrainingSummary } from '../api/types'

export const WAYS: Record<TrainingSummary['method'], string> = {
  lora: 'LoRA',
  dreambooth: 'DreamBooth',
  embedding: 'a learned word',
}
