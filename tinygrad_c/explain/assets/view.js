// How numbers, tensors and steps look: DOM nodes from data.
"use strict";

function el(tag, attributes, ...children) {
  const svg = ["svg", "g", "rect", "text", "path", "title", "marker", "defs", "tspan"].includes(tag);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  children.flat().forEach(child => {
    if (child !== null && child !== undefined) node.append(child);
  });
  return node;
}

function num(x) {
  if (typeof x !== "number") return String(x);
  if (Number.isInteger(x) && Math.abs(x) < 1e6) return String(x);
  const text = String(Number(x.toPrecision(6)));
  return text;
}

function nested(data) {
  return Array.isArray(data) ? `[${data.map(nested).join(", ")}]` : num(data);
}

function countOf(numbers) {
  return numbers.shape.reduce((a, b) => a * b, 1);
}

function largestOf(numbers) {
  if (numbers.largest !== undefined) return numbers.largest;
  return Math.max(0, ...[numbers.data].flat(Infinity).filter(x => typeof x === "number").map(Math.abs));
}

function shortOf(numbers) {
  if (!numbers) return "";
  if (numbers.data !== undefined && countOf(numbers) <= 3) return nested(numbers.data);
  return `[${numbers.shape.join(", ")}]`;
}

// One sentence with everything: for eyes and for screen readers.
function sentence(numbers, say) {
  if (!numbers) return say("unknown");
  if (numbers.data !== undefined && countOf(numbers) <= 20) return nested(numbers.data);
  const parts = [`${say("shape")} [${numbers.shape.join(", ")}]`];
  let flat = null;
  if (numbers.data !== undefined) {
    flat = numbers.data.flat(Infinity).filter(x => typeof x === "number");
    parts.push(say("range", {min: num(Math.min(...flat)), max: num(Math.max(...flat))}));
  } else {
    parts.push(say("range", {min: num(numbers.min), max: num(numbers.max)}), say("mean", {mean: num(numbers.mean)}));
  }
  if (numbers.zeros) parts.push(say("zeros", {percent: num(Math.round(numbers.zeros * 1000) / 10)}));
  if (numbers.nan) parts.push(say("nan", {percent: num(Math.round(numbers.nan * 1000) / 10)}));
  return parts.join(", ");
}

function rowsOf(data, shape) {
  if (shape.length === 0) return [[data]];
  if (shape.length === 1) return [data];
  return shape.length === 2 ? data : data.flatMap(each => rowsOf(each, shape.slice(1)));
}

// A tensor: a number, a table that is coloured by size, or a picture of block means with its facts beside it.
function tensor(numbers, kind, say) {
  if (!numbers) return el("p", {class: "unknown"}, say("unknown"));
  if (numbers.data !== undefined && numbers.shape.length === 0)
    return el("p", {class: `scalar ${kind}`}, num(numbers.data));
  const label = sentence(numbers, say);
  const whole = numbers.data !== undefined;
  if (whole && countOf(numbers) === 0) return el("p", {class: "unknown"}, label);
  const rows = whole ? rowsOf(numbers.data, numbers.shape) : numbers.picture;
  const largest = Math.max(...rows.flat().filter(x => typeof x === "number").map(Math.abs), 0) || 1;
  const facts = el("p", {class: "facts"}, whole ? `${numbers.dtype} [${numbers.shape.join(", ")}]` : `${numbers.dtype}, ${label}`);
  if (whole && rows[0].length <= 10) {
    const body = rows.map(row => el("tr", {}, row.map(x => el("td", {style: shade(x, largest, kind)}, num(x)))));
    return el("div", {class: "tensor"}, facts, el("div", {class: "scroll", tabindex: "0", role: "group", "aria-label": label},
      el("table", {class: `cells ${kind}`}, el("tbody", {}, body))));
  }
  const size = Math.max(4, Math.min(18, Math.floor(280 / rows[0].length)));
  const height = rows.length === 1 ? 22 : size;
  const picture = el("svg", {class: "heat", role: "img", "aria-label": label, width: rows[0].length * size,
                             height: rows.length * height, viewBox: `0 0 ${rows[0].length * size} ${rows.length * height}`});
  rows.forEach((row, i) => row.forEach((x, j) => picture.append(
    el("rect", {x: j * size, y: i * height, width: size, height: height, style: fill(x, largest, kind)}))));
  return el("div", {class: "tensor"}, facts, picture,
    whole ? null : el("p", {class: "facts"}, say("picture")));
}

function strength(x, largest) {
  return typeof x !== "number" ? 1 : Math.min(1, Math.abs(x) / largest);
}

function colour(x, kind) {
  if (typeof x !== "number") return "var(--bad)";
  return x < 0 ? "var(--negative)" : `var(--${kind}-ink)`;
}

function shade(x, largest, kind) {
  const percent = Math.round(8 + 34 * strength(x, largest));
  return x === 0 ? "" : `background:color-mix(in srgb, ${colour(x, kind)} ${percent}%, var(--panel))`;
}

function fill(x, largest, kind) {
  const percent = Math.round(100 * strength(x, largest));
  return `fill:color-mix(in srgb, ${colour(x, kind)} ${percent}%, var(--panel))`;
}

function formula(text) {
  return el("code", {class: "formula"}, text);
}

function lineOf(pass, step, say) {
  if (step.line === undefined) return null;
  const line = pass.lines[step.line];
  return el("p", {class: "where"}, `${line.file}, ${say("line", {line: line.line})}: `, el("code", {}, line.text));
}

function made(pass, step) {
  const names = step.inputs.filter(i => i !== null).map(i => pass.values[i].name).join(", ");
  return [pass.values[step.output].name, step.call, step.formula || `${step.op}(${names})`].filter(Boolean).join(" = ");
}

function example(numbers, at, equals, say) {
  if (numbers === undefined) return null;
  const same = numbers === num(equals);
  return el("p", {class: "example"}, at ? `${say("at", {at: `[${at.join(", ")}]`})}: ` : "",
    formula(same ? num(equals) : `${numbers} = ${num(equals)}`));
}

function forwardPanel(pass, step, say) {
  const out = pass.values[step.output];
  const inputs = step.inputs.filter(i => i !== null).map(i => pass.values[i]);
  return [
    el("h2", {}, formula(made(pass, step))),
    lineOf(pass, step, say),
    step.module ? el("p", {class: "where"}, step.module) : null,
    el("h3", {}, say("with numbers")), example(step.numbers, step.at, step.equals, say) || el("p", {}, say("no numbers")),
    el("h3", {class: "value"}, `${say("result")}: ${out.name}`), tensor(out.numbers, "value", say),
    ...inputs.flatMap(value => [
      el("h3", {class: "value"}, `${say("input")}: ${value.name}`),
      value.kind === "step" ? null : el("p", {class: "where"}, say(value.kind)),
      tensor(value.numbers, "value", say)])];
}

function partsOf(pass, name, parts, numbers, say) {
  if (parts.length < 2) return null;
  const items = parts.map(part => el("li", {}, `${say("step")} ${numbers.get(part.from)}: `,
    formula(made(pass, pass.steps[part.from])), tensor(part.gradient, "gradient", say)));
  return el("div", {class: "together"}, el("p", {}, say("used", {name: name, n: parts.length})), el("ul", {}, items));
}

function backwardPanel(pass, back, numbers, say) {
  const step = pass.steps[back.step], out = pass.values[step.output];
  return [
    el("h2", {}, formula(made(pass, step))),
    lineOf(pass, step, say),
    numbers.get(back.step) === 1 ? el("p", {class: "where"}, say("start", {name: out.name, value: sentence(back.gradient, say)})) : null,
    partsOf(pass, out.name, back.parts, numbers, say),
    el("h3", {class: "gradient"}, `g = dL/d${out.name}`), tensor(back.gradient, "gradient", say),
    el("h3", {}, say("where it goes")),
    back.together === undefined ? null : el("p", {}, say("together", {name: pass.values[back.together].name})),
    ...back.gives.map(give => {
      const to = pass.values[give.to];
      return el("section", {class: "give"},
        el("h4", {}, say("to", {name: to.name})),
        el("p", {}, formula(`dL/d${to.name} = ${give.formula || "…"}`)),
        example(give.numbers, give.at, give.equals, say),
        give.summed ? el("p", {class: "where"}, say("summed", {name: to.name, shape: `[${to.shape.join(", ")}]`,
                                                              dims: `[${give.summed.join(", ")}]`})) : null,
        give.each ? el("details", {}, el("summary", {}, say("each before sum")), tensor(give.each, "gradient", say)) : null,
        tensor(give.gradient, "gradient", say));
    })];
}

function landingPanel(pass, numbers, say) {
  return [el("h2", {}, say("leaves")), ...pass.leaves.map(leaf => {
    const value = pass.values[leaf.value];
    const added = leaf.before && !(leaf.before.zeros === 1);
    return el("section", {class: "give"}, el("h3", {class: "gradient"}, `${value.name}.grad`),
      partsOf(pass, value.name, leaf.parts, numbers, say),
      el("div", {class: "landing"},
        el("div", {}, el("h4", {}, say("before")), leaf.before ? tensor(leaf.before, "gradient", say) : el("p", {class: "scalar"}, "None")),
        el("div", {}, el("h4", {}, say("this pass")), tensor(leaf.total, "gradient", say)),
        el("div", {}, el("h4", {}, say("after")), tensor(leaf.after, "gradient", say))),
      added ? el("p", {class: "where"}, say("adds")) : null);
  })];
}

function changesPanel(title, changes, say) {
  return [el("h2", {}, title), el("ul", {}, changes.map(change => el("li", {},
    say(change.kind, {name: change.name, before: change.before ? sentence(change.before, say) : "None",
                      after: change.after ? sentence(change.after, say) : "None"}))))];
}
