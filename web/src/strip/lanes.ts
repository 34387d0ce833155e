/** The graph of versions as lanes: columns in order of making, one lane for each line. Pure. */

export interface Node {
  id: string
  parents: readonly string[]
}

/** One column of the strip: a version, or a straight run of several folded into one. */
export interface Cell {
  id: string
  /** Ids inside, oldest first; one for a version. */
  ids: string[]
  folded: boolean
  column: number
  lane: number
  parents: string[]
}

export interface Edge {
  from: Cell
  to: Cell
  /** So long that only its ends are drawn; it holds no lane. */
  far: boolean
}

export interface Layout {
  cells: Cell[]
  edges: Edge[]
  lanes: number
  /** Which cell shows a version, be it folded away or not. */
  place: Map<string, Cell>
}

/**
 * Lay out versions, oldest first. `keep` says which are never folded away; runs of fewer than
 * `least` stay as they are. Without `keep` nothing is folded. A line over more than `reach` columns
 * is cut, so that a hundred branches of one picture are no hundred lanes.
 */
export function layout<T extends Node>(
  versions: readonly T[],
  keep?: (version: T) => boolean,
  least = 4,
  reach = Infinity,
): Layout {
  const cells = gathered(versions, keep, least)
  const place = new Map<string, Cell>()
  for (const cell of cells) for (const id of cell.ids) place.set(id, cell)
  for (const cell of cells) {
    cell.parents = [...new Set(cell.parents.map((id) => place.get(id)?.id ?? ''))].filter(
      (id) => id !== '' && id !== cell.id,
    )
  }
  const byId = new Map(cells.map((cell) => [cell.id, cell]))
  const lanes = assign(cells, byId, reach)
  const edges: Edge[] = []
  for (const to of cells) {
    for (const id of to.parents) {
      const from = byId.get(id)
      if (from) edges.push({ from, to, far: to.column - from.column > reach })
    }
  }
  return { cells, edges, lanes, place }
}

function gathered<T extends Node>(
  versions: readonly T[],
  keep: ((version: T) => boolean) | undefined,
  least: number,
): Cell[] {
  const known = new Map(versions.map((version) => [version.id, version]))
  const children = new Map<string, number>()
  for (const version of versions) {
    for (const parent of version.parents) children.set(parent, (children.get(parent) ?? 0) + 1)
  }
  // A link of a straight run: one parent, at most one child, nothing that marks it.
  const plain = (version: T) =>
    keep !== undefined &&
    !keep(version) &&
    version.parents.length === 1 &&
    known.has(version.parents[0]!) &&
    children.get(version.id) === 1
  const runs = new Map<string, T[]>()
  const order: T[][] = []
  for (const version of versions) {
    const before = plain(version) ? runs.get(version.parents[0]!) : undefined
    if (before) {
      before.push(version)
      runs.set(version.id, before)
    } else {
      const run = [version]
      order.push(run)
      if (plain(version)) runs.set(version.id, run)
    }
  }
  const pieces = order.flatMap((run) => (run.length >= least ? [run] : run.map((one) => [one])))
  const position = new Map(versions.map((version, index) => [version.id, index]))
  pieces.sort((a, b) => position.get(a[0]!.id)! - position.get(b[0]!.id)!)
  return pieces.map((piece, column) => ({
    id: piece[0]!.id,
    ids: piece.map((version) => version.id),
    folded: piece.length > 1,
    column,
    lane: 0,
    parents: [...piece[0]!.parents],
  }))
}

/** Give every cell a lane: the first child goes on in its parent's, others take the first free. */
function assign(cells: Cell[], byId: Map<string, Cell>, reach: number): number {
  const above = (cell: Cell) => {
    const parent = byId.get(cell.parents[0] ?? '')
    return parent && cell.column - parent.column <= reach ? parent : undefined
  }
  const heir = new Map<string, Cell>()
  for (const cell of cells) {
    const parent = above(cell)
    if (parent && !heir.has(parent.id)) heir.set(parent.id, cell)
  }
  // Where the line that a cell starts or goes on ends.
  const end = new Map<string, number>()
  for (const cell of [...cells].reverse()) {
    const next = heir.get(cell.id)
    end.set(cell.id, next ? end.get(next.id)! : cell.column)
  }
  const busy: number[] = [] // by lane: the last column that is taken
  for (const cell of cells) {
    const parent = above(cell)
    if (parent && heir.get(parent.id) === cell) {
      cell.lane = parent.lane
      continue
    }
    // The line from a parent runs in the new lane, so that must be free from there on.
    const from = parent ? parent.column : cell.column - 1
    let lane = parent ? parent.lane + 1 : 0
    while (lane < busy.length && busy[lane]! > from) lane++
    cell.lane = lane
    while (busy.length <= lane) busy.push(-1)
    busy[lane] = end.get(cell.id)!
  }
  return Math.max(1, busy.length)
}

/** A cell and all that it came from, back to the first. */
export function line(graph: Layout, from: Cell): Set<string> {
  const found = new Set<string>()
  const waiting = [from]
  for (let cell = waiting.pop(); cell; cell = waiting.pop()) {
    if (found.has(cell.id)) continue
    found.add(cell.id)
    for (const parent of cell.parents) {
      const above = graph.place.get(parent)
      if (above) waiting.push(above)
    }
  }
  return found
}

export type Direction = 'left' | 'right' | 'up' | 'down' | 'first' | 'last'

/** Where an arrow key leads from a cell: along the line, else to the neighbour. */
export function travel(graph: Layout, from: Cell, direction: Direction): Cell {
  const { cells, edges } = graph
  const at = cells.indexOf(from)
  const nearest = (wanted: (cell: Cell) => boolean) =>
    cells
      .filter(wanted)
      .sort(
        (a, b) =>
          Math.abs(a.lane - from.lane) - Math.abs(b.lane - from.lane) ||
          Math.abs(a.column - from.column) - Math.abs(b.column - from.column),
      )[0]
  switch (direction) {
    case 'first':
      return cells[0] ?? from
    case 'last':
      return cells.at(-1) ?? from
    case 'left':
      return edges.find((edge) => edge.to === from)?.from ?? cells[at - 1] ?? from
    case 'right':
      return edges.find((edge) => edge.from === from)?.to ?? cells[at + 1] ?? from
    case 'up':
      return nearest((cell) => cell.lane < from.lane) ?? from
    case 'down':
      return nearest((cell) => cell.lane > from.lane) ?? from
  }
}

/** The cells whose columns lie in a window, for drawing only what is seen. */
export function seen(graph: Layout, first: number, last: number): Cell[] {
  return graph.cells.slice(Math.max(0, first), Math.max(0, last + 1))
}
