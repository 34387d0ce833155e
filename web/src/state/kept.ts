/**
 * What a window remembers over a reload: its own first, then what the last window left; with `own`
 * nothing of another window's.
 */
export function recall<T>(key: string, fallback: T, own = false): T {
  for (const store of stores().slice(0, own ? 1 : 2)) {
    try {
      const text = store.getItem(`maquette:${key}`)
      if (text !== null) return JSON.parse(text) as T
    } catch {
      // Storage that is full, forbidden or garbled is the same as none.
    }
  }
  return fallback
}

export function remember(key: string, value: unknown, own = false): void {
  for (const store of stores().slice(0, own ? 1 : 2)) {
    try {
      store.setItem(`maquette:${key}`, JSON.stringify(value))
    } catch {
      // See above.
    }
  }
}

function stores(): Storage[] {
  try {
    return [sessionStorage, localStorage]
  } catch {
    return []
  }
}
