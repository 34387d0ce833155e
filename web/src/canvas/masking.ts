/** Masks that the server picks out, brought back as bytes so that the brush can go on with them. */
import { attempt } from '../state/notices.svelte'
import { studio } from '../state/studio.svelte'
import type { Point } from './geometry'

export async function maskFrom(wish: Record<string, unknown>, label: string, instead: boolean): Promise<void> {
  const { editor } = studio
  await picked(wish, (bytes) => editor?.add(bytes, label, instead))
}

/** The region of one colour around a place of the picture; `erase` takes it away. */
export async function maskFromPlace(at: Point, erase: boolean): Promise<void> {
  const { editor, current } = studio
  const place = { x: Math.floor(at.x), y: Math.floor(at.y) }
  if (!editor || !current || place.x < 0 || place.y < 0 || place.x >= current.width || place.y >= current.height) return
  const colour = { ...place, tolerance: editor.tolerance }
  await picked({ colour }, (bytes) => editor.pick(bytes, place, erase))
}

let sent: { key: string; digest: string } | null = null

/** The digest of the mask that lies on the table; sent once for each change. */
export async function editorMask(): Promise<string | null> {
  const { room, editor, current } = studio
  if (!room || !editor?.has || !current) return null
  const key = [current.id, editor.area, ...Object.values(editor.bounds)].join()
  if (sent?.key !== key) sent = { key, digest: (await room.api.sendMask(current.id, await editor.png())).digest }
  return sent.digest
}

let turn = 0

/** The same region with another tolerance; of several in quick succession the last counts. */
export async function tolerate(tolerance: number): Promise<void> {
  const { editor } = studio
  if (!editor) return
  editor.tolerate(tolerance)
  const { clicked } = editor
  const mine = ++turn
  if (!clicked) return
  await new Promise((done) => setTimeout(done, 90))
  if (mine !== turn) return
  await picked({ colour: { ...clicked.at, tolerance } }, (bytes) => mine === turn && editor.repick(bytes))
}

/** Have the server pick out a mask; its bytes are used if the same picture is still on the table. */
async function picked(wish: Record<string, unknown>, use: (bytes: Uint8Array) => void): Promise<void> {
  const { room, editor, current } = studio
  if (!room || !editor || !current) return
  await attempt(async () => {
    const made = await room.api.makeMask({ version: current.id, ...wish })
    const bytes = await greyOf(await room.api.picture(made.digest), current.width, current.height)
    if (editor.sheetOf === current.id) use(bytes)
  })
}

/** One byte a pixel from a greyscale picture of this size. */
async function greyOf(blob: Blob, width: number, height: number): Promise<Uint8Array> {
  const image = await createImageBitmap(blob, { colorSpaceConversion: 'none' })
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  context.drawImage(image, 0, 0)
  image.close()
  const { data } = context.getImageData(0, 0, width, height)
  return Uint8Array.from({ length: width * height }, (_, at) => data[at * 4]!)
}
