/** Pointers on the stage: one paints or probes, two pan and zoom, space or the middle button pans. */
import type { Point } from './geometry'
import type { Editor } from './editor.svelte'
import type { Shape } from './overlay'
import { stage } from './stage.svelte'
import { pinched, toPicture } from './view'

export interface Pointing {
  editor: Editor
  /** Where the pointer is, in picture pixels; null when it left. */
  hover: (at: Point | null) => void
  shape: (shape: Shape | null) => void
  /** The colour at this place was clicked on; `erase` takes it from the mask. */
  pick: (at: Point, erase: boolean) => void
  /** Space is held: the hand. */
  hand: () => boolean
}

interface Finger {
  at: Point
  from: Point
}

export function pointing(element: HTMLElement, given: () => Pointing): () => void {
  const fingers = new Map<number, Finger>()
  let doing: 'paint' | 'pan' | 'shape' | 'pinch' | null = null
  let shape: Shape | null = null
  let start: { view: typeof stage.view; fingers: [Point, Point] } | null = null

  const place = (event: PointerEvent | WheelEvent): Point => {
    const box = element.getBoundingClientRect()
    return { x: event.clientX - box.left, y: event.clientY - box.top }
  }
  const onPicture = (event: PointerEvent) => toPicture(stage.view, place(event))
  const pressure = (event: PointerEvent) =>
    event.pointerType === 'pen' ? Math.max(0.05, event.pressure) : 1
  const pair = (key: keyof Finger) => [...fingers.values()].slice(0, 2).map((f) => f[key]) as [Point, Point]

  const down = (event: PointerEvent) => {
    if (event.target !== element || event.button > 1) return
    element.setPointerCapture(event.pointerId)
    element.focus({ preventScroll: true })
    event.preventDefault()
    const at = place(event)
    fingers.set(event.pointerId, { at, from: at })
    const { editor, hand } = given()
    if (fingers.size === 2) {
      if (doing === 'paint') editor.abandon()
      shape = null
      given().shape(null)
      doing = 'pinch'
      start = { view: stage.view, fingers: pair('at') }
      return
    }
    if (fingers.size > 2) return
    if (event.button === 1 || hand()) doing = 'pan'
    else if (editor.tool === 'brush' || editor.tool === 'eraser') {
      doing = 'paint'
      editor.begin(onPicture(event), pressure(event))
    } else if (editor.tool === 'box' || editor.tool === 'lasso') {
      doing = 'shape'
      shape = { kind: editor.tool, points: [onPicture(event)] }
    } else doing = 'pan'
  }

  const move = (event: PointerEvent) => {
    const at = place(event)
    const finger = fingers.get(event.pointerId)
    if (!finger) {
      if (event.pointerType !== 'touch') given().hover(onPicture(event))
      return
    }
    const by = { x: at.x - finger.at.x, y: at.y - finger.at.y }
    finger.at = at
    const { editor } = given()
    if (doing === 'pinch' && start && fingers.size >= 2) stage.set(pinched(start.view, start.fingers, pair('at')))
    else if (doing === 'pan') stage.panBy(by)
    else if (doing === 'paint') {
      const events = event.getCoalescedEvents?.() ?? []
      editor.extend((events.length ? events : [event]).map((each) => ({ at: onPicture(each), pressure: pressure(each) })))
      given().hover(onPicture(event))
    } else if (doing === 'shape' && shape) {
      const here = onPicture(event)
      if (shape.kind === 'box') shape.points = [shape.points[0]!, here]
      else shape.points.push(here)
      given().shape(shape)
    }
  }

  const up = (event: PointerEvent) => {
    const finger = fingers.get(event.pointerId)
    if (!fingers.delete(event.pointerId) || !finger) return
    const { editor } = given()
    if (doing === 'paint') editor.end()
    else if (doing === 'shape' && shape) {
      const erase = event.altKey
      const [first] = shape.points
      const last = shape.points.at(-1)!
      if (shape.kind === 'box' && first && shape.points.length > 1) {
        editor.box(
          {
            x: Math.round(Math.min(first.x, last.x)),
            y: Math.round(Math.min(first.y, last.y)),
            width: Math.round(Math.abs(last.x - first.x)),
            height: Math.round(Math.abs(last.y - first.y)),
          },
          erase,
        )
      } else if (shape.kind === 'lasso') editor.lasso(shape.points, erase)
    } else if (doing === 'pan' && Math.hypot(finger.at.x - finger.from.x, finger.at.y - finger.from.y) < 5) {
      if (editor.tool === 'colour' && event.button === 0 && !given().hand()) given().pick(onPicture(event), event.altKey)
      else given().hover(onPicture(event)) // a tap probes
    }
    shape = null
    given().shape(null)
    if (fingers.size === 0) doing = null
  }

  /** The browser took the finger away, as for a gesture of its own: nothing of it counts. */
  const cancel = (event: PointerEvent) => {
    if (!fingers.delete(event.pointerId)) return
    if (doing === 'paint') given().editor.abandon()
    shape = null
    given().shape(null)
    if (fingers.size === 0) doing = null
  }

  const wheel = (event: WheelEvent) => {
    event.preventDefault()
    const lines = event.deltaMode === 1 ? 16 : 1
    const delta = Math.max(-120, Math.min(120, event.deltaY * lines))
    stage.zoomBy(Math.exp(-delta * (event.ctrlKey ? 0.01 : 0.0022)), place(event))
  }

  const leave = () => {
    if (!fingers.size) given().hover(null)
  }

  element.addEventListener('pointerdown', down)
  element.addEventListener('pointermove', move)
  element.addEventListener('pointerup', up)
  element.addEventListener('pointercancel', cancel)
  element.addEventListener('pointerleave', leave)
  element.addEventListener('wheel', wheel, { passive: false })
  return () => {
    element.removeEventListener('pointerdown', down)
    element.removeEventListener('pointermove', move)
    element.removeEventListener('pointerup', up)
    element.removeEventListener('pointercancel', cancel)
    element.removeEventListener('pointerleave', leave)
    element.removeEventListener('wheel', wheel)
  }
}
