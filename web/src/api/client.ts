/** One way to ask the server: JSON in, JSON out, problems as errors that say what to do. */

export class Problem extends Error {
  constructor(
    readonly detail: string,
    readonly hint = '',
    readonly code = 'problem',
    readonly status = 0,
  ) {
    super(detail)
  }

  get unreachable(): boolean {
    return this.code === 'unreachable'
  }
}

export interface Asking {
  json?: unknown
  body?: BodyInit
  type?: string
  key?: string
  signal?: AbortSignal
}

let csrf = ''
export const trust = (token: string): void => {
  csrf = token
}

export const BASE = '/api/v1'

async function request(method: string, path: string, asking: Asking): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  let body = asking.body
  if (asking.json !== undefined) {
    headers['Content-Type'] = 'application/json'
    body = JSON.stringify(asking.json)
  } else if (asking.type) headers['Content-Type'] = asking.type
  if (method !== 'GET') {
    headers['X-Maquette'] = '1'
    if (csrf) headers['X-CSRF-Token'] = csrf
  }
  if (asking.key) headers['Idempotency-Key'] = asking.key
  let response: Response
  try {
    response = await fetch(BASE + path, {
      method,
      headers,
      credentials: 'same-origin',
      ...(body !== undefined && { body }),
      ...(asking.signal && { signal: asking.signal }),
    })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Problem(
      'The studio’s server does not answer.',
      'What you typed and painted is kept here. Start it with ‘maquette studio’; this page finds it again by itself.',
      'unreachable',
    )
  }
  if (response.ok) return response
  throw await problem(response)
}

async function problem(response: Response): Promise<Problem> {
  const said = (await response.json().catch(() => null)) as Record<string, unknown> | null
  const text = (key: string) => (typeof said?.[key] === 'string' ? said[key] : '')
  if (response.status === 401) {
    location.assign('/login')
  }
  return new Problem(
    sentence(text('detail') || text('title') || `The server answered ${response.status}.`),
    sentence(text('hint')),
    text('code') || 'problem',
    response.status,
  )
}

/** Messages are one line without a capital on the command line; here they stand alone. */
export function sentence(text: string): string {
  if (!text) return ''
  const first = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.?)]$/.test(first) ? first : `${first}.`
}

export async function ask<T>(method: string, path: string, asking: Asking = {}): Promise<T> {
  const response = await request(method, path, asking)
  if (response.status === 204) return undefined as T
  return (await response.json()) as T
}

export const askBlob = async (
  method: string,
  path: string,
  asking: Asking = {},
): Promise<{ blob: Blob; name: string }> => {
  const response = await request(method, path, asking)
  const disposition = response.headers.get('Content-Disposition') ?? ''
  const name = /filename="?([^";]+)"?/.exec(disposition)?.[1] ?? 'picture'
  return { blob: await response.blob(), name }
}

export const query = (parts: Record<string, string | number | boolean | null | undefined>): string => {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(parts)) {
    if (value !== null && value !== undefined && value !== '') search.set(key, String(value))
  }
  const text = search.toString()
  return text ? `?${text}` : ''
}

/** A key that makes one order one order, however often it is sent. */
export const freshKey = (): string =>
  globalThis.crypto?.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`
