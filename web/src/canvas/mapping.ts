/** Maps of structure in the browser: read, fitted to a size, painted over, sent back. */
import type { RoomApi } from '../api/room'
import type { Sheet } from '../state/steering.svelte'

export function blank(width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const context = canvas.getContext('2d')!
  context.fillStyle = '#000'
  context.fillRect(0, 0, width, height)
  return canvas
}

export const opened = async (api: RoomApi, digest: string): Promise<ImageBitmap> =>
  createImageBitmap(await api.picture(digest), { colorSpaceConversion: 'none' })

export async function sent(api: RoomApi, canvas: HTMLCanvasElement): Promise<Sheet> {
  const png = await new Promise<Blob>((done, fail) =>
    canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error('no PNG'))), 'image/png'),
  )
  return api.keepPicture(png)
}

/** The middle of a map in the shape of a size, at that size, as the server cuts pictures. */
export async function fitted(api: RoomApi, digest: string, [width, height]: readonly [number, number]): Promise<Sheet> {
  const image = await opened(api, digest)
  const share = Math.min(image.width / width, image.height / height)
  const cut = { width: width * share, height: height * share }
  const canvas = blank(width, height)
  const context = canvas.getContext('2d')!
  context.imageSmoothingQuality = 'high'
  context.drawImage(image, (image.width - cut.width) / 2, (image.height - cut.height) / 2, cut.width, cut.height, 0, 0, width, height)
  image.close()
  return sent(api, canvas)
}
