/**
 * What lies over the picture: the maps of a word, the mask, the shape being drawn. One canvas of
 * the window's size; while painting only the rectangle that changed is drawn again.
 */
import { EMPTY, type Extent, type Point, type Rect, grown, isEmpty, union } from './geometry'
import { type HeatMaps, phrase, ramp, veil } from './heat'
import type { Mask } from './mask'
import { type View, toWindow } from './view'

export interface Shape {
  kind: 'box' | 'lasso'
  points: Point[]
}

export interface Scene {
  view: View
  window: Extent
  mask: Mask | null
  maskShown: boolean
  heat: { maps: HeatMaps; words: number[]; colour: boolean } | null
  shape: Shape | null
  region: Rect | null
  cross: Point | null
}

/** The mask's tint: the accent of the dark theme, the same in both, as pictures have no theme. */
const TINT = [232, 184, 109] as const
const STRENGTH = 0.58

/** Pixels as four bytes at once (red lowest, as every machine that browsers run on has it). */
const packed = (alpha: number, [red, green, blue]: readonly [number, number, number]): number =>
  ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0
const INK = Uint32Array.from({ length: 256 }, (_, value) => packed(Math.round(value * STRENGTH), TINT))
const EDGE = packed(200, [255, 246, 228])

export class Overlay {
  private readonly context: CanvasRenderingContext2D
  private tint: HTMLCanvasElement | null = null
  private tintContext: CanvasRenderingContext2D | null = null
  private tintOf: Mask | null = null
  private pixels: ImageData | null = null
  private heatCanvas: HTMLCanvasElement | null = null
  private heatKey: unknown[] = []
  private scene: Scene | null = null
  private dirty: Rect = EMPTY
  private whole = false
  private frame = 0
  /** Milliseconds that the last drawing took. */
  took = 0

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.context = canvas.getContext('2d')!
  }

  /** Show a scene; everything is drawn again at the next frame. */
  show(scene: Scene): void {
    this.scene = scene
    this.whole = true
    if (scene.mask !== this.tintOf) this.retint(scene.mask)
    this.schedule()
  }

  /** A rectangle of the mask (picture pixels) has other bytes now. */
  touch(rect: Rect): void {
    if (isEmpty(rect)) return
    this.dirty = union(this.dirty, rect)
    this.schedule()
  }

  destroy(): void {
    cancelAnimationFrame(this.frame)
  }

  private schedule(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0
      const from = performance.now()
      this.draw()
      this.took = performance.now() - from
    })
  }

  private draw(): void {
    const { scene, context, canvas } = this
    if (!scene) return
    const ratio = devicePixelRatio || 1
    const width = Math.round(scene.window.width * ratio)
    const height = Math.round(scene.window.height * ratio)
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width
      canvas.height = height
      this.whole = true
    }
    const dirty = this.dirty
    this.dirty = EMPTY
    if (!isEmpty(dirty)) this.stain(dirty)
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    if (this.whole) {
      this.whole = false
      context.clearRect(0, 0, scene.window.width, scene.window.height)
      this.paint(scene)
      return
    }
    if (isEmpty(dirty)) return
    // One pixel more all round: the picture's pixels rarely fall on the screen's.
    const at = toWindow(scene.view, dirty)
    const x = Math.floor(at.x) - 1
    const y = Math.floor(at.y) - 1
    const right = Math.ceil(at.x + dirty.width * scene.view.scale) + 1
    const bottom = Math.ceil(at.y + dirty.height * scene.view.scale) + 1
    context.save()
    context.beginPath()
    context.rect(x, y, right - x, bottom - y)
    context.clip()
    context.clearRect(x, y, right - x, bottom - y)
    this.paint(scene, { x, y, width: right - x, height: bottom - y })
    context.restore()
  }

  private paint(scene: Scene, within?: Rect): void {
    if (scene.heat) this.paintHeat(scene, scene.heat)
    if (scene.maskShown && this.tint && !scene.heat) this.paintMask(scene, this.tint, within)
    if (scene.region) this.outline(scene, scene.region)
    if (scene.shape) this.paintShape(scene, scene.shape)
    if (scene.cross) this.paintCross(scene, scene.cross)
  }

  private paintMask(scene: Scene, tint: HTMLCanvasElement, within?: Rect): void {
    const { context } = this
    const { scale, x, y } = scene.view
    context.imageSmoothingEnabled = scale < 3
    const window = within ?? { x: 0, y: 0, ...scene.window }
    // Only the part of the mask that is seen.
    const left = Math.max(0, Math.floor((window.x - x) / scale) - 1)
    const top = Math.max(0, Math.floor((window.y - y) / scale) - 1)
    const right = Math.min(tint.width, Math.ceil((window.x + window.width - x) / scale) + 1)
    const bottom = Math.min(tint.height, Math.ceil((window.y + window.height - y) / scale) + 1)
    if (right <= left || bottom <= top) return
    context.drawImage(
      tint, left, top, right - left, bottom - top,
      x + left * scale, y + top * scale, (right - left) * scale, (bottom - top) * scale,
    )
  }

  private paintHeat(scene: Scene, heat: NonNullable<Scene['heat']>): void {
    const { context } = this
    const key = [heat.maps, heat.colour, ...heat.words]
    if (key.length !== this.heatKey.length || key.some((part, at) => part !== this.heatKey[at])) {
      this.heatKey = key
      const bytes = phrase(heat.maps, heat.words)
      const { columns, rows } = heat.maps
      this.heatCanvas ??= document.createElement('canvas')
      this.heatCanvas.width = columns
      this.heatCanvas.height = rows
      const pixels = heat.colour ? ramp(bytes) : veil(bytes)
      this.heatCanvas.getContext('2d')!.putImageData(new ImageData(pixels, columns, rows), 0, 0)
    }
    const { region } = heat.maps
    const at = toWindow(scene.view, region)
    context.imageSmoothingEnabled = true
    context.imageSmoothingQuality = 'high'
    context.drawImage(
      this.heatCanvas!, at.x, at.y, region.width * scene.view.scale, region.height * scene.view.scale,
    )
  }

  private paintShape(scene: Scene, shape: Shape): void {
    const points = shape.points.map((point) => toWindow(scene.view, point))
    const [first, ...others] = points
    if (!first) return
    const { context } = this
    context.beginPath()
    if (shape.kind === 'box') {
      const last = points.at(-1)!
      context.rect(first.x, first.y, last.x - first.x, last.y - first.y)
    } else {
      context.moveTo(first.x, first.y)
      for (const point of others) context.lineTo(point.x, point.y)
      context.closePath()
    }
    context.fillStyle = `rgba(${TINT.join(',')}, 0.28)`
    context.fill()
    this.twoLines()
  }

  private outline(scene: Scene, rect: Rect): void {
    const at = toWindow(scene.view, rect)
    this.context.beginPath()
    this.context.rect(at.x, at.y, rect.width * scene.view.scale, rect.height * scene.view.scale)
    this.twoLines()
  }

  private paintCross(scene: Scene, point: Point): void {
    const at = toWindow(scene.view, point)
    const { context } = this
    context.beginPath()
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
      context.moveTo(at.x + dx * 4, at.y + dy * 4)
      context.lineTo(at.x + dx * 14, at.y + dy * 14)
    }
    this.twoLines()
  }

  /** Dark under light, so that a line is seen on any picture. */
  private twoLines(): void {
    const { context } = this
    context.lineWidth = 3
    context.strokeStyle = 'rgba(0, 0, 0, 0.55)'
    context.stroke()
    context.lineWidth = 1
    context.strokeStyle = 'rgba(255, 255, 255, 0.95)'
    context.stroke()
  }

  private retint(mask: Mask | null): void {
    this.tintOf = mask
    if (!mask) {
      this.tint = this.tintContext = null
      return
    }
    if (this.tint?.width !== mask.width || this.tint.height !== mask.height) {
      this.tint = document.createElement('canvas')
      this.tint.width = mask.width
      this.tint.height = mask.height
      this.tintContext = this.tint.getContext('2d')
    }
    this.stain(mask.whole)
  }

  /**
   * Carry bytes of the mask over to its tinted canvas. Where it falls below one half a pale line
   * runs, so that it is seen on a picture of any colour.
   */
  private stain(touched: Rect): void {
    const mask = this.tintOf
    if (!mask || !this.tintContext) return
    const rect = grown(touched, 1, mask.extent)
    const { width, height } = rect
    if (!this.pixels || this.pixels.width !== width || this.pixels.height !== height) {
      this.pixels = new ImageData(width, height)
    }
    const out = new Uint32Array(this.pixels.data.buffer)
    const bytes = mask.data
    const across = mask.width
    const below = bytes.length - across
    for (let row = 0, to = 0; row < height; row++) {
      let from = (rect.y + row) * across + rect.x
      for (const end = from + width; from < end; from++, to++) {
        const value = bytes[from]!
        if (value === 0) out[to] = 0
        else if (
          value >= 128 &&
          (bytes[from - 1]! < 128 || bytes[from + 1]! < 128 ||
            (from >= across && bytes[from - across]! < 128) ||
            (from < below && bytes[from + across]! < 128))
        ) out[to] = EDGE
        else out[to] = INK[value]!
      }
    }
    this.tintContext.putImageData(this.pixels, rect.x, rect.y)
  }
}
