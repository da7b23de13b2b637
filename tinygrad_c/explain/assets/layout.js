// The graph as boxes: a tree of groups that can be folded, and a layout in layers. No page in it: plain data in, plain data out.
"use strict";

const BOX = {width: 148, height: 56, gap: 18, layer: 38, label: 20};
const OPEN_UP_TO = 60;         // boxes on the page before anything is opened by hand
const BRANCH = 30;             // steps in a block, blocks in a block

// A tree over the steps: runs of steps of one module, and blocks of many steps. A run is an interval of the order of the
// program, so that folding it never makes a cycle.
function makeTree(pass) {
  const root = {id: "all", label: "", children: []};
  root.children = runs(pass.steps, 0, pass.steps.length, 0, "g");
  addLeaves(pass, root);
  number(root, null);
  return root;
}

function pathOf(step) {
  return step.module ? step.module.split(".") : [];
}

function runs(steps, from, to, depth, id) {
  const out = [];
  let i = from;
  while (i < to) {
    const key = pathOf(steps[i])[depth];
    let j = i + 1;
    while (j < to && pathOf(steps[j])[depth] === key) j++;
    if (key === undefined) {
      for (let k = i; k < j; k++) out.push({step: k});
    } else {
      const label = pathOf(steps[i]).slice(0, depth + 1).join(".");
      out.push({id: `${id}.${i}.${depth}`, label: label, children: runs(steps, i, j, depth + 1, `${id}.${i}`)});
    }
    i = j;
  }
  return blocks(out, id);
}

function blocks(children, id) {
  if (children.length <= 2 * BRANCH) return children;
  const size = Math.max(BRANCH, Math.ceil(children.length / BRANCH));
  const out = [];
  for (let i = 0; i < children.length; i += size) {
    const part = children.slice(i, i + size);
    out.push({id: `${id}.b${i}.${children.length}`, block: true, label: null, children: blocks(part, `${id}.b${i}`)});
  }
  return out;
}

function stepsIn(node) {
  if (node.step !== undefined) return [node.step];
  if (node.value !== undefined) return [];
  return node.children.flatMap(stepsIn);
}

// Leaves and data stand in the innermost group that has all the steps that use them.
function addLeaves(pass, root) {
  const users = new Map();
  pass.steps.forEach(step => step.inputs.forEach(i => {
    if (i !== null && pass.values[i].kind !== "step") {
      if (!users.has(i)) users.set(i, []);
      users.get(i).push(step.id);
    }
  }));
  const span = new Map();
  (function mark(node) {
    const own = stepsIn(node);
    span.set(node, [own[0], own[own.length - 1]]);
    (node.children || []).forEach(mark);
  })(root);
  for (const [value, steps] of users) {
    const low = Math.min(...steps), high = Math.max(...steps);
    let node = root;
    for (;;) {
      const inner = node.children.find(child => child.children && span.get(child)[0] <= low && high <= span.get(child)[1]);
      if (!inner) break;
      node = inner;
    }
    node.children.unshift({value: value});
    span.set(node.children[0], [low, high]);
  }
  if (!pass.steps.length) root.children.push({value: pass.result});
}

function number(node, parent) {
  node.parent = parent;
  if (node.children) {
    const own = stepsIn(node);
    node.first = own[0];
    node.last = own[own.length - 1];
    node.children.forEach(child => number(child, node));
  }
}

function groupsOf(node) {
  if (!node.children) return [];
  return (node.id === "all" ? [] : [node]).concat(node.children.flatMap(groupsOf));
}

// Open groups from the outside in, as long as the page stays readable.
function openByDefault(root) {
  const open = new Set(["all"]);
  let count = root.children.length, level = root.children.filter(child => child.children);
  while (level.length) {
    const more = level.reduce((sum, group) => sum + group.children.length - 1, 0);
    if (count + more > OPEN_UP_TO) break;
    level.forEach(group => open.add(group.id));
    count += more;
    level = level.flatMap(group => group.children.filter(child => child.children));
  }
  return open;
}

function visible(node, open) {
  if (!node.children || !open.has(node.id)) return [node];
  return node.children.flatMap(child => visible(child, open));
}

// What is drawn: boxes with their places, edges, and frames of open groups.
function layOut(pass, root, open) {
  const shown = root.children.flatMap(child => visible(child, open));
  const boxOfStep = new Map(), boxOfValue = new Map();
  const boxes = shown.map((node, i) => ({i: i, node: node, inputs: [], outputs: []}));
  boxes.forEach(box => {
    stepsIn(box.node).forEach(step => boxOfStep.set(step, box));
    (function leaves(node) {
      if (node.value !== undefined) boxOfValue.set(node.value, box);
      (node.children || []).forEach(leaves);
    })(box.node);
  });
  const edges = [], seen = new Set();
  const makerOf = new Map();
  pass.steps.forEach(step => makerOf.set(step.output, step.id));
  pass.steps.forEach(step => step.inputs.forEach(value => {
    if (value === null) return;
    const from = makerOf.has(value) ? boxOfStep.get(makerOf.get(value)) : boxOfValue.get(value);
    const to = boxOfStep.get(step.id);
    const key = `${from.i} ${to.i}`;
    if (from !== to && !seen.has(key)) {
      seen.add(key);
      edges.push({from: from, to: to, value: value});
      from.outputs.push(to);
      to.inputs.push(from);
    }
  }));
  layers(boxes);
  const size = places(boxes, edges);
  return {boxes: boxes, edges: edges, frames: frames(root, open, boxes), width: size[0], height: size[1], boxOfStep: boxOfStep,
          boxOfValue: boxOfValue};
}

// The longest way from an input, in the order of the program (a box's inputs come before it). Leaves and data have rows of
// their own, right above the first step that uses them, so that the frame of a module holds what is in the module only.
function layers(boxes) {
  const order = boxes.slice().sort((a, b) => firstStep(a) - firstStep(b));
  boxes.forEach(box => { box.layer = 1; });
  order.forEach(box => {
    if (box.node.value !== undefined) return;
    box.inputs.forEach(input => { if (input.node.value === undefined) box.layer = Math.max(box.layer, input.layer + 2); });
  });
  boxes.forEach(box => {
    if (box.node.value !== undefined) box.layer = box.outputs.length ? Math.min(...box.outputs.map(each => each.layer)) - 1 : 0;
  });
  const used = [...new Set(boxes.map(box => box.layer))].sort((a, b) => a - b);
  boxes.forEach(box => { box.layer = used.indexOf(box.layer); });
}

function firstStep(box) {
  if (box.node.value !== undefined) return -1;
  return stepsIn(box.node)[0];
}

const BENDS = 2000;            // places kept free for edges that pass rows: beyond that many they are drawn straight

// Edges that pass rows get a narrow place in each of them.
function bends(edges) {
  const out = [];
  const count = edges.reduce((sum, edge) => sum + edge.to.layer - edge.from.layer - 1, 0);
  edges.forEach(edge => {
    edge.way = [];
    for (let layer = edge.from.layer + 1; count <= BENDS && layer < edge.to.layer; layer++)
      edge.way.push({layer: layer, width: 8, bend: true});
    const stations = [edge.from, ...edge.way, edge.to];
    for (let i = 1; i < stations.length; i++) {
      (stations[i - 1].down = stations[i - 1].down || []).push(stations[i]);
      (stations[i].up = stations[i].up || []).push(stations[i - 1]);
    }
    out.push(...edge.way);
  });
  return out;
}

function places(boxes, edges) {
  boxes.forEach(box => { box.width = BOX.width; });
  const all = boxes.concat(bends(edges)), rows = [];
  all.forEach(each => {
    each.up = each.up || [];
    each.down = each.down || [];
    (rows[each.layer] = rows[each.layer] || []).push(each);
  });
  for (let i = 0; i < rows.length; i++) rows[i] = rows[i] || [];
  rows.forEach(row => row.forEach((each, i) => { each.at = i / row.length; }));
  for (let sweep = 0; sweep < 8; sweep++) {
    const down = sweep % 2 === 0;
    (down ? rows : rows.slice().reverse()).forEach(row => {
      row.forEach(each => {
        const near = down ? each.up : each.down;
        each.wish = near.length ? near.reduce((sum, one) => sum + one.at, 0) / near.length : each.at;
      });
      row.sort((a, b) => a.wish - b.wish || a.at - b.at);
      row.forEach((each, i) => { each.at = (i + 0.5) / row.length; });
    });
  }
  rows.forEach(row => {
    let x = 0;
    row.forEach(each => { each.center = x + each.width / 2; x += each.width + BOX.gap; });
    row.forEach(each => { each.center -= x / 2; });
  });
  for (let sweep = 0; sweep < 12; sweep++) {
    const down = sweep % 2 === 0;
    (down ? rows : rows.slice().reverse()).forEach(row => {
      row.forEach(each => {
        const near = neighbours(each, down);
        if (near.length) each.center = near.reduce((sum, one) => sum + one.center, 0) / near.length;
        each.wish = each.center;
      });
      spread(row);
    });
  }
  const left = Math.min(...all.map(each => each.center - each.width / 2));
  all.forEach(each => {
    each.center += 24 - left;
    each.x = each.center - each.width / 2;
    each.y = each.layer * (BOX.height + BOX.layer) + 2 * BOX.label + 8;
  });
  const width = Math.max(...all.map(each => each.x + each.width), 0) + 24;
  return [width, rows.length * (BOX.height + BOX.layer) + 2 * BOX.label];
}

// What a box wants to stand under or over: steps in a straight line, with their inputs from outside beside them.
function neighbours(each, down) {
  const near = down ? each.up : each.down;
  const steps = near.filter(one => one.bend || one.node.value === undefined);
  return steps.length ? steps : near;
}

// No two of a row over each other: pushed right, then left, and the two averaged; steps stay where they want to be, on average.
function spread(row) {
  const right = [], left = [];
  const apart = (a, b) => (a.width + b.width) / 2 + BOX.gap;
  row.forEach((each, i) => { right[i] = i ? Math.max(each.center, right[i - 1] + apart(row[i - 1], each)) : each.center; });
  for (let i = row.length - 1; i >= 0; i--)
    left[i] = i < row.length - 1 ? Math.min(row[i].center, left[i + 1] - apart(row[i], row[i + 1])) : row[i].center;
  row.forEach((each, i) => { each.center = (right[i] + left[i]) / 2; });
  const steps = row.filter(each => !each.bend && each.node.value === undefined);
  const held = steps.length ? steps : row.filter(each => each.bend);
  const shift = held.reduce((sum, each) => sum + each.wish - each.center, 0) / (held.length || 1);
  row.forEach(each => { each.center += shift; });
}

// The line of an edge, from the box that made the value to the one that uses it, or back.
function wayOf(edge, back) {
  const points = [[edge.from.center, edge.from.y + BOX.height + (back ? 5 : 0)]];
  edge.way.forEach(bend => points.push([bend.center, bend.y], [bend.center, bend.y + BOX.height]));
  points.push([edge.to.center, edge.to.y - (back ? 0 : 5)]);
  if (back) points.reverse();
  let text = `M${points[0].join(",")}`;
  for (let i = 1; i < points.length; i++) {
    const [x, y] = points[i - 1], [x2, y2] = points[i], middle = (y + y2) / 2;
    text += x === x2 ? ` L${x2},${y2}` : ` C${x},${middle} ${x2},${middle} ${x2},${y2}`;
  }
  return text;
}

// A frame round the boxes of each open module, and round the frames inside it.
function frames(root, open, boxes) {
  const out = [], of = new Map(boxes.map(box => [box.node, box]));
  (function walk(node, outside) {
    if (!node.children || !open.has(node.id)) {
      const box = of.get(node);
      return box ? [box.x, box.y, box.x + BOX.width, box.y + BOX.height] : null;
    }
    const inner = node.children.map(child => walk(child, node)).filter(Boolean);
    if (!inner.length) return null;
    const around = [Math.min(...inner.map(each => each[0])), Math.min(...inner.map(each => each[1])),
                    Math.max(...inner.map(each => each[2])), Math.max(...inner.map(each => each[3]))];
    if (!outside || node.block) return around;
    const framed = [around[0] - 5, around[1] - 15, around[2] + 5, around[3] + 5];
    out.unshift({group: node, x: framed[0], y: framed[1], width: framed[2] - framed[0], height: framed[3] - framed[1]});
    return framed;
  })(root, null);
  return out;
}
