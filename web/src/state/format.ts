/** Numbers with units, as people read them. Pure. */
export function seconds(value: number): string {
  if (value < 1) return 'under 1 s'
  if (value < 90) return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} s`
  if (value < 5400) return `${Math.round(value / 60)} min`
  return `${Math.round(value / 360) / 10} h`
}

export const about = (value: number): string => `about ${seconds(value < 10 ? Math.max(1, Math.round(value)) : value)}`

export const percent = (part: number): string => {
  const value = part * 100
  return value > 0 && value < 1 ? '< 1 %' : `${Math.round(value)} %`
}

const WORDS: Record<string, string> = {
  generate: 'Generated',
  explore: 'Tried a style',
  vary: 'Varied',
  reweight: 'Reweighted',
  refine: 'Finished',
  inpaint: 'Replaced',
  retouch: 'Retouched',
  restore: 'Restored',
  composite: 'Composed',
  logo: 'Logo put on',
  improve: 'Improved',
  play: 'Played',
  train: 'Taught',
  campaign: 'Campaign',
  outpaint: 'Extended',
  upscale: 'Enlarged',
  rollback: 'Went back',
  import: 'Imported',
  replay: 'Replayed',
  explain: 'Explained',
}

export const deed = (operation: string): string =>
  WORDS[operation] ?? operation.charAt(0).toUpperCase() + operation.slice(1)

export function when(iso: string, now = new Date()): string {
  const then = new Date(iso)
  const time = then.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  if (then.toDateString() === now.toDateString()) return time
  return `${then.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${time}`
}

export const count = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString('en')} ${n === 1 ? one : many}`
