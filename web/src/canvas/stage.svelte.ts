/** The stage's state that buttons and keys reach: the view, what is held, what is shown. */
import type { Extent, Point } from './geometry'
import { type View, centred, fit, kept, pan, zoom } from './view'

class Stage {
  view = $state.raw<View>({ scale: 1, x: 0, y: 0 })
  window = $state.raw<Extent>({ width: 0, height: 0 })
  picture = $state.raw<Extent>({ width: 1, height: 1 })
  /** While the view fits, it goes on fitting when the window changes. */
  fitted = $state(true)
  /** The picture before the last edit is shown while a key or button is held. */
  before = $state(false)
  /** The keyboard's place on the picture. */
  cross = $state.raw<Point | null>(null)
  element: HTMLElement | null = null
  /** How deep the tool bar lies over the top edge, in pixels. */
  private bar = 34

  fit(): void {
    this.fitted = true
    const narrow = this.window.width < 500
    const top = this.bar && this.bar + (narrow ? 10 : 2)
    // Below it a row for the mask's words and for what is being drawn; a low window has none to spare.
    // Where a tool's own row pushes the picture down, it leaves the mask's words their two rows.
    const foot = this.window.height < 420 ? 0 : narrow && this.bar > 100 ? 84 : 30
    this.view = fit(this.picture, this.window, narrow ? 8 : 16, top, foot)
  }

  /** The tool bar has other rows now, or none. */
  barred(height: number): void {
    this.bar = height
    if (this.fitted && this.window.width) this.fit()
  }

  /** One picture pixel is one screen pixel. */
  actual(): void {
    this.fitted = false
    this.view = centred(this.picture, this.window, 1 / (globalThis.devicePixelRatio || 1))
  }

  zoomBy(factor: number, at?: Point): void {
    this.fitted = false
    const middle = { x: this.window.width / 2, y: this.window.height / 2 }
    this.set(zoom(this.view, at ?? middle, factor))
  }

  panBy(by: Point): void {
    this.fitted = false
    this.set(pan(this.view, by))
  }

  set(view: View): void {
    this.fitted = false
    this.view = kept(view, this.picture, this.window)
  }

  laid(picture: Extent, window: Extent): void {
    const other = picture.width !== this.picture.width || picture.height !== this.picture.height
    this.picture = picture
    this.window = window
    if (this.fitted || other) this.fit()
    else this.view = kept(this.view, picture, window)
  }
}

export const stage = new Stage()
