/**
 * Neighbours of points: a balanced k-d tree over the points of each graph (Bentley 1975) whose nodes know their bounding boxes. Distances are
 * computed in float64; since rounding is monotonic, a box is never farther than a point in it, and nothing at the boundary is lost.
 */

import { ArgumentError } from "../../tensor/errors.ts";

/** Most points of a leaf. */
const LEAF_POINTS = 12;

/** Most edges that are made: their lists take 2 GiB. */
const MOST_EDGES = 2 ** 28;

/** Edges in any order, to be sorted. */
class EdgeList {
  #sources: Int32Array = new Int32Array(1024);
  #targets: Int32Array = new Int32Array(1024);
  #count = 0;
  readonly #op: string;

  /** No edges; `op` is for the message of too many. */
  constructor(op: string) {
    this.#op = op;
  }

  /** Adds an edge. */
  add(source: number, target: number): void {
    if (this.#count === this.#sources.length) this.#grow();
    this.#sources[this.#count] = source;
    this.#targets[this.#count++] = target;
  }

  #grow(): void {
    if (this.#count >= MOST_EDGES) {
      throw new ArgumentError({
        op: this.#op,
        expected: `at most ${MOST_EDGES} edges`,
        actual: "more",
        hint: "Take a smaller radius, or limit the edges of each point with maxNeighbours",
      });
    }
    const grow = (list: Int32Array): Int32Array => {
      const larger = new Int32Array(2 * list.length);
      larger.set(list);
      return larger;
    };
    this.#sources = grow(this.#sources);
    this.#targets = grow(this.#targets);
  }

  /** All sources, then all targets, by target and then by source. Counting sorts: by source, then, keeping that order, by target. */
  sorted(points: number): Int32Array {
    const count = this.#count, edges = new Int32Array(2 * count);
    const sources = new Int32Array(count), targets = new Int32Array(count);
    spread(this.#sources, count, points, (from, to) => {
      sources[to] = this.#sources[from];
      targets[to] = this.#targets[from];
    });
    spread(targets, count, points, (from, to) => {
      edges[to] = sources[from];
      edges[count + to] = targets[from];
    });
    return edges;
  }
}

/** Calls `move` with each position and where it goes when `count` keys from 0 to `range` − 1 are sorted, equal ones in their order. */
function spread(keys: Int32Array, count: number, range: number, move: (from: number, to: number) => void): void {
  const next = new Int32Array(range + 1);
  for (let i = 0; i < count; i++) next[keys[i] + 1]++;
  for (let key = 0; key < range; key++) next[key + 1] += next[key];
  for (let i = 0; i < count; i++) move(i, next[keys[i]]++);
}

/** The nearest points that were offered, at most `capacity`: a heap with the farthest on top; of equally far ones that of the greatest index. */
class Nearest {
  readonly capacity: number;
  readonly points: Int32Array;
  readonly #distances: Float64Array;
  count = 0;
  /** The squared distance beyond which nothing is taken. */
  bound = Infinity;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.points = new Int32Array(capacity);
    this.#distances = new Float64Array(capacity);
  }

  clear(bound: number): void {
    this.count = 0;
    this.bound = bound;
  }

  /** Takes a point that is near enough; false if it is not. */
  offer(point: number, distance: number): boolean {
    const { points, capacity } = this, distances = this.#distances;
    if (!(distance <= this.bound)) return false;
    let at: number;
    if (this.count < capacity) {
      for (at = this.count++; at > 0;) {
        const parent = (at - 1) >> 1;
        if (!isNearer(distances[parent], points[parent], distance, point)) break;
        distances[at] = distances[parent];
        points[at] = points[parent];
        at = parent;
      }
    } else {
      if (!isNearer(distance, point, distances[0], points[0])) return false;
      for (at = 0;;) {
        let child = 2 * at + 1;
        if (child >= capacity) break;
        if (
          child + 1 < capacity && isNearer(distances[child], points[child], distances[child + 1], points[child + 1])
        ) {
          child++;
        }
        if (!isNearer(distance, point, distances[child], points[child])) break;
        distances[at] = distances[child];
        points[at] = points[child];
        at = child;
      }
    }
    distances[at] = distance;
    points[at] = point;
    if (this.count === capacity) this.bound = distances[0];
    return true;
  }
}

function isNearer(distance: number, point: number, otherDistance: number, otherPoint: number): boolean {
  return distance < otherDistance || (distance === otherDistance && point < otherPoint);
}

/** The points of some graphs, ready to be asked for neighbours; only points of one graph are neighbours. */
export class PointTree {
  readonly #op: string;
  readonly #count: number;
  /** The points as they stand in the tree, and their coordinates (x, y, z) in that order. */
  readonly #order: Int32Array;
  readonly #places: Float64Array;
  /** Of each node: its first place, the place after its last, its second child (the first one follows it) or 0 for leaves. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #seconds: number[] = [];
  /** Of each node: the least x, y, z and the greatest. */
  readonly #boxes: number[] = [];
  /** The tree of each graph. */
  readonly #roots: number[] = [];

  /**
   * Sorts points.
   *
   * @param op Who asks, for messages.
   * @param positions `[points, dimension]` row-major, finite.
   * @param dimension 1, 2 or 3.
   * @param batch The graph of each point, any integers. Default: all in one graph.
   */
  constructor(op: string, positions: ArrayLike<number>, dimension: number, batch?: ArrayLike<number>) {
    const count = positions.length / dimension;
    this.#op = op;
    this.#count = count;
    this.#order = new Int32Array(count);
    const starts = sortByGraph(this.#order, batch);
    this.#places = new Float64Array(3 * count);
    this.#order.forEach((point, place) => {
      for (let axis = 0; axis < dimension; axis++) this.#places[3 * place + axis] = positions[point * dimension + axis];
    });
    starts.forEach((start, graph) => {
      const end = graph + 1 < starts.length ? starts[graph + 1] : count;
      if (start < end) this.#roots.push(this.#build(start, end));
    });
  }

  /** The tree of the points in some places, which are moved among themselves. */
  #build(start: number, end: number): number {
    const places = this.#places, node = this.#starts.length;
    const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
    for (let place = start; place < end; place++) {
      for (let axis = 0; axis < 3; axis++) {
        const value = places[3 * place + axis];
        if (value < low[axis]) low[axis] = value;
        if (value > high[axis]) high[axis] = value;
      }
    }
    this.#starts.push(start);
    this.#ends.push(end);
    this.#seconds.push(0);
    this.#boxes.push(...low, ...high);
    const extents = high.map((value, axis) => value - low[axis]), widest = Math.max(...extents);
    // Points at one place stay together: where all are equally far, the first ones by index are enough.
    if (widest === 0) this.#order.subarray(start, end).sort();
    if (end - start <= LEAF_POINTS || widest === 0) return node;
    const middle = (start + end) >> 1;
    this.#select(start, end - 1, middle, extents.indexOf(widest));
    this.#build(start, middle);
    this.#seconds[node] = this.#build(middle, end);
    return node;
  }

  /** Moves points between two places so that those before `middle` have no greater coordinate than those from there on (quickselect). */
  #select(first: number, last: number, middle: number, axis: number): void {
    const places = this.#places;
    while (first < last) {
      const pivot = places[3 * ((first + last) >> 1) + axis];
      let low = first, high = last;
      while (low <= high) {
        while (places[3 * low + axis] < pivot) low++;
        while (places[3 * high + axis] > pivot) high--;
        if (low <= high) this.#swap(low++, high--);
      }
      if (middle <= high) last = high;
      else if (middle >= low) first = low;
      else return;
    }
  }

  #swap(a: number, b: number): void {
    const order = this.#order, places = this.#places, point = order[a];
    order[a] = order[b];
    order[b] = point;
    for (let axis = 0; axis < 3; axis++) {
      const value = places[3 * a + axis];
      places[3 * a + axis] = places[3 * b + axis];
      places[3 * b + axis] = value;
    }
  }

  /**
   * The edges between points whose squared distance is at most `bound`, as sources and then targets, by target and then by source.
   *
   * @param loop Whether each point is its own neighbour too.
   */
  within(bound: number, loop: boolean): Int32Array {
    const edges = new EdgeList(this.#op), near: number[] = [];
    this.#roots.forEach((root, graph) => {
      const after = graph + 1 < this.#roots.length ? this.#roots[graph + 1] : this.#starts.length;
      // The points of a leaf have the same leaves around them.
      for (let leaf = root; leaf < after; leaf++) {
        if (this.#seconds[leaf] !== 0) continue;
        near.length = 0;
        this.#findLeaves(root, leaf, bound, near);
        for (const other of near) this.#connect(leaf, other, bound, loop, edges);
      }
    });
    return edges.sorted(this.#count);
  }

  /** The leaves below a node whose boxes are near that of a leaf. */
  #findLeaves(node: number, leaf: number, bound: number, found: number[]): void {
    const boxes = this.#boxes;
    let distance = 0;
    for (let axis = 0; axis < 3; axis++) {
      const gap = Math.max(
        boxes[6 * node + axis] - boxes[6 * leaf + 3 + axis],
        boxes[6 * leaf + axis] - boxes[6 * node + 3 + axis],
        0,
      );
      distance += gap * gap;
    }
    if (distance > bound) return;
    const second = this.#seconds[node];
    if (second === 0) {
      found.push(node);
      return;
    }
    this.#findLeaves(node + 1, leaf, bound, found);
    this.#findLeaves(second, leaf, bound, found);
  }

  /** The edges from the points of one leaf to those of another. */
  #connect(leaf: number, from: number, bound: number, loop: boolean, edges: EdgeList): void {
    const places = this.#places, order = this.#order;
    const end = this.#ends[leaf], first = this.#starts[from], last = this.#ends[from];
    for (let place = this.#starts[leaf]; place < end; place++) {
      const x = places[3 * place], y = places[3 * place + 1], z = places[3 * place + 2], target = order[place];
      for (let other = first; other < last; other++) {
        const dx = places[3 * other] - x, dy = places[3 * other + 1] - y, dz = places[3 * other + 2] - z;
        if (dx * dx + dy * dy + dz * dz <= bound && (loop || other !== place)) edges.add(order[other], target);
      }
    }
  }

  /**
   * The edges to each point from the `count` nearest ones whose squared distance is at most `bound`, ties by index; order as
   * {@linkcode PointTree.within}.
   *
   * @param loop Whether each point is its own neighbour, before all others, and counted.
   */
  nearest(count: number, bound: number, loop: boolean): Int32Array {
    const edges = new EdgeList(this.#op), order = this.#order, capacity = Math.min(count, this.#count) - (loop ? 1 : 0);
    const nearest = new Nearest(Math.max(0, capacity));
    for (const root of this.#roots) {
      for (let place = this.#starts[root]; place < this.#ends[root]; place++) {
        if (loop) edges.add(order[place], order[place]);
        if (capacity < 1) continue;
        nearest.clear(bound);
        this.#search(root, place, nearest);
        for (let i = 0; i < nearest.count; i++) edges.add(nearest.points[i], order[place]);
      }
    }
    return edges.sorted(this.#count);
  }

  #search(node: number, place: number, nearest: Nearest): void {
    const second = this.#seconds[node];
    if (second !== 0) {
      const toFirst = this.#distance(node + 1, place), toSecond = this.#distance(second, place);
      // A box that is exactly as far as the farthest point found may hold one of a smaller index.
      if (toFirst <= toSecond) {
        if (toFirst <= nearest.bound) this.#search(node + 1, place, nearest);
        if (toSecond <= nearest.bound) this.#search(second, place, nearest);
      } else {
        if (toSecond <= nearest.bound) this.#search(second, place, nearest);
        if (toFirst <= nearest.bound) this.#search(node + 1, place, nearest);
      }
      return;
    }
    const places = this.#places, order = this.#order, end = this.#ends[node];
    const x = places[3 * place], y = places[3 * place + 1], z = places[3 * place + 2];
    // Only leaves of points at one place are larger; these are in the order of their indices.
    const canStop = end - this.#starts[node] > LEAF_POINTS;
    for (let other = this.#starts[node]; other < end; other++) {
      if (other === place) continue;
      const dx = places[3 * other] - x, dy = places[3 * other + 1] - y, dz = places[3 * other + 2] - z;
      if (!nearest.offer(order[other], dx * dx + dy * dy + dz * dz) && canStop) return;
    }
  }

  /** The squared distance of the point in a place from a node's box. */
  #distance(node: number, place: number): number {
    const boxes = this.#boxes, places = this.#places;
    let distance = 0;
    for (let axis = 0; axis < 3; axis++) {
      const value = places[3 * place + axis];
      const gap = Math.max(boxes[6 * node + axis] - value, value - boxes[6 * node + 3 + axis], 0);
      distance += gap * gap;
    }
    return distance;
  }
}

/** Writes the points graph by graph, within each by index, and gives the first place of each graph. */
function sortByGraph(order: Int32Array, batch: ArrayLike<number> | undefined): number[] {
  if (batch === undefined) {
    order.forEach((_, point) => order[point] = point);
    return [0];
  }
  // Graphs by their first appearance, so that numbers need not be small.
  const known = new Map<number, number>(), graphs = new Int32Array(order.length);
  for (let point = 0; point < order.length; point++) {
    let graph = known.get(batch[point]);
    if (graph === undefined) known.set(batch[point], graph = known.size);
    graphs[point] = graph;
  }
  const sizes = new Int32Array(known.size);
  for (const graph of graphs) sizes[graph]++;
  spread(graphs, order.length, known.size, (point, place) => order[place] = point);
  let next = 0;
  return Array.from(sizes, (size) => (next += size) - size);
}
