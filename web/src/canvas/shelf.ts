/** Masks outlive a reload: kept in the browser's database, packed, a moment after each stroke. */
import type { Mask } from './mask'

const STORE = 'masks'
const MOST = 40
let opened: Promise<IDBDatabase> | null = null
const timers = new Map<string, ReturnType<typeof setTimeout>>()

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((done, fail) => {
    const request = indexedDB.open('maquette', 1)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE)
    request.onsuccess = () => done(request.result)
    request.onerror = () => fail(request.error)
  })
  return opened
}

export function keepMask(key: string, mask: Mask, empty: boolean): void {
  clearTimeout(timers.get(key))
  timers.set(
    key,
    setTimeout(() => {
      timers.delete(key)
      const bytes = mask.data.slice()
      void (empty ? Promise.resolve(null) : packed(bytes)).then((data) => write(key, data), () => {})
    }, 250),
  )
}

export async function keptMask(key: string): Promise<Uint8Array | null> {
  try {
    const store = (await database()).transaction(STORE).objectStore(STORE)
    const data = await answer<Blob | undefined>(store.get(key))
    return data ? await unpacked(data) : null
  } catch {
    return null // no database, no memory: painting works all the same
  }
}

async function write(key: string, data: Blob | null): Promise<void> {
  const store = (await database()).transaction(STORE, 'readwrite').objectStore(STORE)
  if (!data) {
    store.delete(key)
    return
  }
  store.put(data, key)
  const keys = await answer(store.getAllKeys())
  for (const old of keys.slice(0, Math.max(0, keys.length - MOST))) {
    if (old !== key) store.delete(old)
  }
}

const answer = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((done, fail) => {
    request.onsuccess = () => done(request.result)
    request.onerror = () => fail(request.error)
  })

const packed = (bytes: Uint8Array<ArrayBuffer>): Promise<Blob> =>
  new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'))).blob()

async function unpacked(data: Blob): Promise<Uint8Array> {
  const stream = data.stream().pipeThrough(new DecompressionStream('deflate'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}
