/** Masks that the server picks out, brought back as bytes so that the brush can go on with them. */
import { attempt } from '../state/notices.svelte'
import { studio } from '../state/studio.svelte'

export async function maskFrom(wish: Record<string, unknown>, label: string, instead: boolean): Promise<void> {
  const { room, editor, current } = studio
  if (!room || !editor || !current) return
  await attempt(async () => {
    const made = await room.api.makeMask({ version: current.id, ...wish })
    const response = await fetch(room.api.pictureUrl(made.digest))
    editor.add(await greyOf(await response.blob(), current.width, current.height), label, instead)
    editor.shown = true
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
