/** Everything that can be done, each once. Imported for its effect. */
import { history as past } from '../state/history.svelte'
import { notices } from '../state/notices.svelte'
import { carryOut, explore, goBack, operate, replace, take } from '../state/orders.svelte'
import { remember } from '../state/kept'
import { prefs } from '../state/prefs.svelte'
import { retouching } from '../state/retouching.svelte'
import { PRODUCTION } from '../state/router'
import { studio } from '../state/studio.svelte'
import { stage } from '../canvas/stage.svelte'
import type { Tool } from '../canvas/editor.svelte'
import type { IconName } from '../ui/icons'
import { dialogs } from '../state/dialogs.svelte'
import { type Action, define } from './register'

const editor = () => studio.editor
const refining = () => studio.route.screen === 'refine' && studio.current !== null
const masked = () => refining() && (editor()?.has ?? false)
const parent = () => studio.current?.parents[0] ?? null

// ── the picture ────────────────────────────────────────────────────────────────────────────────
const picture = (name: string, label: string, shortcut: string | string[], icon: IconName, perform: () => void): Action => ({
  name, label, shortcut, icon, group: 'Picture', enabled: refining, perform,
})
define(
  picture('fit', 'Fit the picture', '0', 'fit', () => stage.fit()),
  picture('actual', 'Show at 100 %', '1', 'eye', () => stage.actual()),
  picture('zoom-in', 'Zoom in', ['+', '='], 'plus', () => stage.zoomBy(1.5)),
  picture('zoom-out', 'Zoom out', '-', 'minus', () => stage.zoomBy(1 / 1.5)),
  {
    name: 'heat', label: 'Maps as light or as colours', shortcut: 'H', icon: 'sun', group: 'Picture',
    perform: () => (prefs.heat = prefs.heat === 'light' ? 'colour' : 'light'),
  },
)

// ── the mask ───────────────────────────────────────────────────────────────────────────────────
const tool = (name: Tool, label: string, shortcut: string, icon: IconName): Action => ({
  name, label, shortcut, icon, group: 'Mask', enabled: refining,
  active: () => editor()?.tool === name,
  perform: () => {
    const e = editor()
    if (!e) return
    e.tool = name
    e.shown = true
  },
})
const masking = (name: string, label: string, shortcut: string | string[], icon: IconName, perform: () => void): Action => ({
  name, label, shortcut, icon, group: 'Mask', enabled: masked, perform,
})
define(
  tool('probe', 'Point', 'V', 'probe'),
  tool('brush', 'Brush', 'B', 'brush'),
  tool('eraser', 'Eraser', 'E', 'eraser'),
  tool('lasso', 'Lasso', 'L', 'lasso'),
  tool('box', 'Box', 'R', 'box'),
  tool('colour', 'Colour', 'G', 'colour'),
  { name: 'mask-from', label: 'Mask from a word, a colour or a box …', shortcut: 'W', icon: 'word', group: 'Mask', enabled: refining, perform: () => dialogs.show('mask') },
  { name: 'invert', label: 'Invert the mask', shortcut: 'I', icon: 'invert', group: 'Mask', enabled: refining, perform: () => editor()?.invert() },
  masking('grow', 'Grow the mask', '.', 'grow', () => editor()?.grow(nudge())),
  masking('shrink', 'Shrink the mask', ',', 'shrink', () => editor()?.grow(-nudge())),
  masking('feather', 'Feather the mask', 'F', 'feather', () => editor()?.feather(nudge() * 2)),
  masking('clear', 'Clear the mask', ['Backspace', 'Delete'], 'clear', () => editor()?.clear()),
  masking('hide-mask', 'Show or hide the mask', 'M', 'eye', () => {
    const e = editor()
    if (e) e.shown = !e.shown
  }),
  masking('replace', 'Replace the masked area', 'Mod+Shift+Enter', 'brush', () => void replace()),
  { name: 'smaller', label: 'Smaller brush', shortcut: '[', group: 'Mask', enabled: refining, perform: () => editor()?.resize(-1) },
  { name: 'larger', label: 'Larger brush', shortcut: ']', group: 'Mask', enabled: refining, perform: () => editor()?.resize(1) },
  { name: 'softer', label: 'Softer brush', shortcut: '{', group: 'Mask', enabled: refining, perform: () => editor()?.harden(-0.1) },
  { name: 'harder', label: 'Harder brush', shortcut: '}', group: 'Mask', enabled: refining, perform: () => editor()?.harden(0.1) },
)

/** A step that is felt on any size of picture. */
const nudge = () => Math.max(1, Math.round((studio.current?.width ?? 512) / 128))

// ── words and work ─────────────────────────────────────────────────────────────────────────────
define(
  { name: 'draw', label: 'Draw', shortcut: 'Mod+Enter', icon: 'wand', group: 'Words', enabled: () => studio.words !== null, perform: () => void carryOut() },
  {
    name: 'prompt', label: 'Write the prompt', shortcut: '/', icon: 'words', group: 'Words',
    perform: () => {
      studio.sheet = 'words'
      requestAnimationFrame(() => document.querySelector<HTMLTextAreaElement>('#prompt')?.focus())
    },
  },
  { name: 'undo', label: 'Undo', shortcut: 'Mod+Z', icon: 'undo', group: 'Words', enabled: () => past.canUndo, perform: () => said('Undone', past.undo()) },
  { name: 'redo', label: 'Redo', shortcut: ['Mod+Shift+Z', 'Mod+Y'], icon: 'redo', group: 'Words', enabled: () => past.canRedo, perform: () => said('Done again', past.redo()) },
  { name: 'near-styles', label: 'Draw the same in near styles', icon: 'wand', group: 'Words', enabled: () => Boolean(studio.words?.text.trim()), perform: () => void explore('near') },
  { name: 'far-styles', label: 'Draw the same in far styles', icon: 'sweep', group: 'Words', enabled: () => Boolean(studio.words?.text.trim()), perform: () => void explore('far') },
  { name: 'import', label: 'Import a picture …', shortcut: 'Mod+O', icon: 'import', group: 'Words', enabled: () => studio.room !== null, perform: () => void chooseFile() },
  { name: 'cancel', label: 'Cancel what is being drawn', shortcut: 'Mod+.', icon: 'close', group: 'Words', enabled: () => (studio.room?.running.length ?? 0) > 0, perform: () => void studio.room?.cancelAll() },
)

function said(what: string, deed: { label: string } | null): void {
  if (deed) notices.announce(`${what}: ${deed.label}.`)
}

function chooseFile(): void {
  const input = document.createElement('input')
  input.type = 'file'
  input.accept = 'image/*'
  input.multiple = true
  input.onchange = () => void take(input.files ?? [])
  input.click()
}

// ── versions ───────────────────────────────────────────────────────────────────────────────────
const version = (name: string, label: string, icon: IconName, perform: () => void, shortcut?: string): Action => ({
  name, label, icon, group: 'Versions', enabled: refining, perform, ...(shortcut && { shortcut }),
})
define(
  { ...version('star', 'Star this picture', 'star', () => {
    const it = studio.current!
    void studio.room!.mark(it.id, { star: !it.star }, it.star ? 'Take the star away' : 'Star')
  }, 'S'), active: () => studio.current?.star ?? false },
  version('name', 'Name this picture …', 'words', () => dialogs.show('name'), 'F2'),
  version('go-back', 'Go back to this picture', 'back', () => void goBack(studio.current!.id)),
  version('start-here', 'Use its words and seed as a start', 'branch', () => void startHere(), 'Shift+B'),
  { ...version('branch', 'Use its words and seed as a start', 'branch', () => void startHere(), 'B'), scope: 'strip', quiet: true },
  version('export', 'Export …', 'export', () => dialogs.show('export'), 'Mod+S'),
  version('replay', 'Replay: draw it again and compare', 'replay', () => void operate('replay', {})),
  {
    ...version('finish', 'Finish it with all steps', 'pick', () => void operate('refine', { quality: 'final' })),
    enabled: () => refining() && (studio.looking?.unfinished ?? false),
  },
  { ...version('retouch', 'Retouch light and colour …', 'sun', () => (retouching.open ? retouching.end() : retouching.begin()), 'T'), active: () => retouching.open },
  version('improve', 'Improve it by itself, four tries', 'wand', () => void operate('improve', { steps: 4 })),
  version('enlarge', 'Enlarge to twice the size', 'resize', () => void operate('upscale', { scale: 2 })),
  version('extend', 'Extend on all sides', 'extend', () => {
    const step = studio.model?.multiple ?? 8
    const by = Math.max(step, Math.round(studio.current!.width / 4 / step) * step)
    void operate('outpaint', { left: by, right: by, top: by, bottom: by, ...studio.steering?.edit() })
  }),
  {
    ...version('more-like', 'Find more like this one', 'search', () => studio.moreLike(studio.current!.id)),
    enabled: () => refining() && studio.looks,
  },
  version('vary', 'Draw four near this one', 'sweep', () => void operate('vary', { n: 4, strength: 0.5, quality: studio.words?.quality ?? 'final', ...studio.steering?.body() })),
  {
    name: 'compare-parent', label: 'Compare with what it came from', shortcut: 'C', icon: 'compare', group: 'Versions',
    enabled: () => refining() && parent() !== null,
    perform: () => studio.go({ screen: 'compare', project: studio.room!.id, before: parent()!, after: studio.current!.id }),
  },
  { name: 'to-parent', label: 'To what it came from', shortcut: 'Alt+ArrowLeft', icon: 'back', group: 'Versions', enabled: () => refining() && parent() !== null, perform: () => studio.show(parent()!) },
  { name: 'newest', label: 'To the newest picture', icon: 'chevron', group: 'Versions', enabled: () => !!studio.room?.newest, perform: () => studio.show(studio.room!.newest!.id) },
  { name: 'fold', label: 'Fold straight runs of versions', icon: 'unfold', group: 'Versions', active: () => prefs.folded, perform: () => (prefs.folded = !prefs.folded) },
)

/** Take a prompt with holes to where they are filled. */
export function fillTemplate(template: string): void {
  const { room } = studio
  if (!room) return
  remember(`template:${room.id}`, { template, values: {}, rows: [] })
  studio.go({ screen: 'playbooks', project: room.id, name: null })
}

export async function startHere(): Promise<void> {
  const { room, words, current } = studio
  if (!room || !words || !current) return
  const detail = studio.looking?.base ?? (await room.detail(current.id))
  if (!detail?.prompt) {
    notices.say('This picture came without words. Write some, or extend and replace parts of it.')
    return
  }
  const before = words.kept()
  words.chosen = false
  words.seedMode = 'locked'
  words.count = 1
  words.use({
    id: detail.id,
    text: detail.prompt,
    negative: detail.negative ?? '',
    seed: detail.seed,
    quality: detail.quality,
    size: [detail.width, detail.height],
  })
  const after = words.kept()
  past.note({ label: 'Use these words', undo: () => words.put(before), redo: () => words.put(after) })
  notices.say('Its words, seed and size are on the left. What you draw now branches off here.')
}

/** Wide enough for the inspector to stand beside the picture; as in Refine's styles. */
const beside = matchMedia('(min-width: 1001px)')

// ── screens ────────────────────────────────────────────────────────────────────────────────────
const open = () => studio.room !== null
define(
  { name: 'palette', label: 'Find an action', shortcut: ['Mod+K', 'F1', '?'], icon: 'search', group: 'Studio', quiet: true, perform: () => dialogs.show('palette') },
  { name: 'refine', label: 'Refine', shortcut: 'Alt+1', icon: 'brush', group: 'Studio', enabled: open, active: () => studio.route.screen === 'refine', perform: () => studio.go({ screen: 'refine', project: studio.room!.id, version: studio.current?.id ?? null }) },
  { name: 'drafts', label: 'Drafts', shortcut: 'Alt+2', icon: 'box', group: 'Studio', enabled: open, active: () => studio.route.screen === 'drafts', perform: () => studio.go({ screen: 'drafts', project: studio.room!.id }) },
  {
    name: 'compare', label: 'Compare', shortcut: 'Alt+3', icon: 'compare', group: 'Studio',
    enabled: () => open() && (studio.room?.versions.length ?? 0) > 1,
    active: () => studio.route.screen === 'compare',
    perform: () => {
      const { room, current } = studio
      const after = current ?? room!.newest!
      const before = after.parents[0] ?? room!.versions.findLast((each) => each.id !== after.id)!.id
      studio.go({ screen: 'compare', project: room!.id, before, after: after.id })
    },
  },
  { name: 'library', label: 'Library', shortcut: 'Alt+4', icon: 'search', group: 'Studio', enabled: open, active: () => studio.route.screen === 'library', perform: () => studio.go({ screen: 'library', project: studio.room!.id, like: null }) },
  { name: 'production', label: 'Production', shortcut: 'Alt+5', icon: 'pick', group: 'Studio', enabled: open, active: () => PRODUCTION.has(studio.route.screen), perform: () => studio.go({ screen: 'production', project: studio.room!.id }) },
  { name: 'new-campaign', label: 'Begin a campaign …', icon: 'plus', group: 'Studio', enabled: open, perform: () => studio.go({ screen: 'campaigns', project: studio.room!.id, name: null }) },
  { name: 'teach', label: 'Teach the model something new …', icon: 'plus', group: 'Studio', enabled: open, perform: () => studio.go({ screen: 'training', project: studio.room!.id, name: null }) },
  { name: 'template', label: 'Fill a template …', icon: 'words', group: 'Words', enabled: open, perform: () => studio.go({ screen: 'playbooks', project: studio.room!.id, name: null }) },
  { name: 'models', label: 'Models and adapters …', icon: 'settings', group: 'Studio', perform: () => dialogs.show('models') },
  { name: 'project', label: 'Open or make a project …', icon: 'settings', group: 'Studio', perform: () => dialogs.show('projects') },
  {
    name: 'inspector', label: 'Show or hide the inspector', shortcut: 'Mod+I', icon: 'panel', group: 'Studio',
    active: () => (beside.matches ? prefs.inspector : studio.sheet === 'inspector'),
    perform: () => {
      // Where there is no room beside the picture it is a sheet that is pulled up.
      if (beside.matches) prefs.inspector = !prefs.inspector
      else studio.sheet = studio.sheet === 'inspector' ? 'none' : 'inspector'
    },
  },
  { name: 'theme', label: 'Dark or light', icon: 'sun', group: 'Studio', perform: () => (prefs.theme = prefs.theme === 'light' ? 'dark' : 'light') },
  { name: 'surround', label: '18 % grey around the picture', icon: 'settings', group: 'Studio', active: () => prefs.surround === 'grey', perform: () => (prefs.surround = prefs.surround === 'grey' ? 'plain' : 'grey') },
)
