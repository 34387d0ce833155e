import { describe, expect, it } from 'vitest'
import { layout, line, travel } from '../src/strip/lanes'

const node = (id: string, ...parents: string[]) => ({ id, parents })

describe('lanes', () => {
  it('keep one line on one lane', () => {
    const graph = layout([node('a'), node('b', 'a'), node('c', 'b')])
    expect(graph.cells.map((cell) => cell.lane)).toEqual([0, 0, 0])
    expect(graph.edges.map((edge) => edge.from.id + edge.to.id)).toEqual(['ab', 'bc'])
  })

  it('put a branch on a lane of its own and never on a line that goes on', () => {
    const graph = layout([node('a'), node('b', 'a'), node('c', 'a'), node('d', 'b'), node('e', 'c'), node('f', 'a')])
    const lane = Object.fromEntries(graph.cells.map((cell) => [cell.id, cell.lane]))
    expect(lane).toEqual({ a: 0, b: 0, c: 1, d: 0, e: 1, f: 2 })
  })

  it('lay drafts without children side by side on the first lane', () => {
    const graph = layout([node('a'), node('b'), node('c')])
    expect(graph.cells.map((cell) => cell.lane)).toEqual([0, 0, 0])
    expect(graph.edges).toEqual([])
  })

  it('never let two lines share a place', () => {
    let seed = 7
    const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n
    const versions = [node('0')]
    for (let at = 1; at < 300; at++) versions.push(node(String(at), ...(random(5) ? [String(random(at))] : [])))
    const graph = layout(versions)
    const taken = new Map<string, string>()
    for (const cell of graph.cells) {
      const key = `${cell.column}/${cell.lane}`
      expect(taken.has(key)).toBe(false)
      taken.set(key, cell.id)
    }
    for (const { from, to } of graph.edges) {
      for (let column = from.column + 1; column < to.column; column++) {
        expect(taken.get(`${column}/${to.lane}`)).toBeUndefined()
      }
    }
  })

  it('fold straight runs, but never what is starred, a branching point or an end', () => {
    const line = [node('0'), ...Array.from({ length: 9 }, (_, at) => node(String(at + 1), String(at)))]
    const graph = layout(line, (version) => version.id === '4')
    expect(graph.cells.map((cell) => cell.ids.length)).toEqual([1, 1, 1, 1, 1, 4, 1])
    expect(graph.place.get('6')?.folded).toBe(true)
    expect(graph.edges).toHaveLength(6)
  })

  it('cut lines that are too long, so that many branches of one picture stay few lanes', () => {
    const versions = [node('0')]
    for (let at = 1; at < 300; at++) versions.push(node(String(at), at % 6 === 1 ? '0' : String(at - 1)))
    expect(layout(versions).lanes).toBeGreaterThan(40)
    const graph = layout(versions, undefined, 4, 24)
    expect(graph.lanes).toBeLessThan(6)
    expect(graph.edges).toHaveLength(299)
    expect(graph.edges.filter((edge) => edge.far).length).toBeGreaterThan(40)
  })

  it('know the line that leads to a version', () => {
    const graph = layout([node('a'), node('b', 'a'), node('c', 'a'), node('d', 'c')])
    expect([...line(graph, graph.place.get('d')!)].sort()).toEqual(['a', 'c', 'd'])
  })

  it('lay out ten thousand in well under a second', () => {
    const many = [node('0'), ...Array.from({ length: 9999 }, (_, at) => node(String(at + 1), String(Math.max(0, at - (at % 7)))))]
    expect(layout(many, () => false).cells.length).toBeGreaterThan(1000)
  })
})

describe('travelling by keys', () => {
  const graph = layout([node('a'), node('b', 'a'), node('c', 'a'), node('d', 'c')])
  const cell = (id: string) => graph.place.get(id)!

  it('follows the line, and turns to the neighbour where there is none', () => {
    expect(travel(graph, cell('d'), 'left').id).toBe('c')
    expect(travel(graph, cell('c'), 'left').id).toBe('a')
    expect(travel(graph, cell('a'), 'right').id).toBe('b')
    expect(travel(graph, cell('b'), 'right').id).toBe('c')
  })

  it('changes lanes up and down and stays at the ends', () => {
    expect(travel(graph, cell('b'), 'down').id).toBe('c')
    expect(travel(graph, cell('c'), 'up').id).toBe('b')
    expect(travel(graph, cell('a'), 'up').id).toBe('a')
    expect(travel(graph, cell('b'), 'last').id).toBe('d')
    expect(travel(graph, cell('d'), 'first').id).toBe('a')
  })
})
