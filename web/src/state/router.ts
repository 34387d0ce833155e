/** Addresses of the studio: every state that a person would send to another has one. Pure. */
export type Route =
  | { screen: 'start' }
  | { screen: 'refine'; project: string; version: string | null }
  | { screen: 'drafts'; project: string }
  | { screen: 'library'; project: string; like: string | null }
  | { screen: 'production'; project: string }
  | { screen: 'campaigns'; project: string; name: string | null }
  | { screen: 'playbooks'; project: string; name: string | null }
  | { screen: 'training'; project: string; name: string | null }
  | { screen: 'compare'; project: string; before: string; after: string }

export type Screen = Route['screen']

/** Pages of one screen. */
export const PRODUCTION: ReadonlySet<Screen> = new Set(['production', 'campaigns', 'playbooks', 'training'] as const)

export function parse(path: string): Route {
  const [p, project, screen, a, b] = path.split('/').filter(Boolean).map(decodeURIComponent)
  if (p !== 'p' || !project) return { screen: 'start' }
  if (screen === 'drafts') return { screen: 'drafts', project }
  if (screen === 'library') return { screen: 'library', project, like: (a === 'like' && b) || null }
  if (screen === 'production') return { screen: 'production', project }
  if (screen === 'campaigns' || screen === 'playbooks' || screen === 'training') return { screen, project, name: a || null }
  if (screen === 'compare' && a && b) return { screen: 'compare', project, before: a, after: b }
  return { screen: 'refine', project, version: (screen === 'v' && a) || null }
}

export function href(route: Route): string {
  if (route.screen === 'start') return '/'
  const base = `/p/${encodeURIComponent(route.project)}`
  switch (route.screen) {
    case 'refine':
      return route.version ? `${base}/v/${route.version.slice(0, 16)}` : base
    case 'library':
      return route.like ? `${base}/library/like/${route.like.slice(0, 16)}` : `${base}/library`
    case 'campaigns':
    case 'playbooks':
    case 'training':
      return route.name ? `${base}/${route.screen}/${encodeURIComponent(route.name)}` : `${base}/${route.screen}`
    case 'compare':
      return `${base}/compare/${route.before.slice(0, 16)}/${route.after.slice(0, 16)}`
    default:
      return `${base}/${route.screen}`
  }
}
