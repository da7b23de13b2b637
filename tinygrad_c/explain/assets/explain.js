// The page: where one is in the passes, what is open, the language; and everything that is drawn from it.
"use strict";

(function () {
  const data = JSON.parse(document.getElementById("explain-data").textContent);
  const $ = id => document.getElementById(id);
  let lang = data.lang || ((navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en");
  let at = 0, which = 0, timer = null;
  let pass, frames, tree, open, layout, numbers;

  function say(key, parts) {
    let text = data.words[key][lang === "zh" ? 1 : 0];
    for (const [name, value] of Object.entries(parts || {})) text = text.split(`{${name}}`).join(value);
    return text;
  }

  function choosePass(i) {
    which = i;
    pass = data.passes[i];
    frames = [];
    if (pass.between) frames.push({kind: "between"});
    pass.steps.forEach(step => frames.push({kind: "forward", step: step.id}));
    pass.backward.forEach((back, n) => frames.push({kind: "backward", back: n, step: back.step}));
    if (pass.leaves.length) frames.push({kind: "landing"});
    if (pass.after) frames.push({kind: "after"});
    if (!frames.length) frames.push({kind: "value"});
    numbers = new Map(pass.backward.map((back, n) => [back.step, n + 1]));
    tree = makeTree(pass);
    open = openByDefault(tree);
    layout = layOut(pass, tree, open);
    go(0);
    drawProgram();
    drawNotes();
    drawAll();
  }

  function go(to) {
    at = Math.max(0, Math.min(frames.length - 1, to));
    draw();
  }

  // ---- Drawing

  function draw() {
    const frame = frames[at];
    $("slider").max = String(frames.length - 1);
    $("slider").value = String(at);
    const phase = {forward: say("forward"), backward: say("backward"), landing: say("leaves"), between: say("between"),
                   after: say("afterwards"), value: say("value")}[frame.kind];
    $("position").textContent = `${say("of steps", {i: at + 1, n: frames.length})} · ${phase}`;
    $("slider").setAttribute("aria-valuetext", $("position").textContent);
    $("app").dataset.phase = frame.kind;
    $("first").disabled = $("previous").disabled = at === 0;
    $("last").disabled = $("next").disabled = at === frames.length - 1;
    $("step").replaceChildren(...panel(frame).filter(Boolean));
    drawGraph(frame);
    const step = frame.step === undefined ? null : pass.steps[frame.step];
    document.querySelectorAll("#lines li").forEach(item => {
      const current = step !== null && step.line !== undefined && String(step.line) === item.dataset.line;
      item.toggleAttribute("data-current", current);
      if (current) { item.setAttribute("aria-current", "step"); scrollTo($("lines"), item); }
      else item.removeAttribute("aria-current");
    });
    document.querySelectorAll("#all button").forEach(button => {
      if (Number(button.dataset.at) === at) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    });
  }

  function scrollTo(box, item) {
    const top = item.offsetTop - box.offsetTop;
    if (top < box.scrollTop || top + item.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = top - 40;
  }

  function panel(frame) {
    if (frame.kind === "forward") return forwardPanel(pass, pass.steps[frame.step], say);
    if (frame.kind === "backward") return backwardPanel(pass, pass.backward[frame.back], numbers, say);
    if (frame.kind === "landing") return landingPanel(pass, numbers, say);
    if (frame.kind === "value") {
      const value = pass.values[pass.result];
      return [el("h2", {}, value.name), tensor(value.numbers, "value", say)];
    }
    return changesPanel(say(frame.kind === "after" ? "afterwards" : "between"), frame.kind === "after" ? pass.after : pass.between, say);
  }

  function bad(step, where) {
    return pass.problems.find(each => each.step === step && (!where || each.where === where));
  }

  // How far the pass has come: which steps have their values, which values have their gradients.
  function reached(frame) {
    const done = new Set(), back = new Map();
    const backwardNow = ["backward", "landing", "after"].includes(frame.kind);
    pass.steps.forEach(step => { if (backwardNow || (frame.kind === "forward" && step.id <= frame.step)) done.add(step.id); });
    if (backwardNow) {
      const last = frame.kind === "backward" ? frame.back : pass.backward.length - 1;
      for (let n = 0; n <= last; n++) {
        const each = pass.backward[n];
        back.set(pass.steps[each.step].output, each.gradient);
        each.gives.forEach(give => { if (!back.has(give.to)) back.set(give.to, null); });
      }
      pass.leaves.forEach(leaf => { if (back.has(leaf.value)) back.set(leaf.value, leaf.total); });
    }
    return [done, back];
  }

  function drawGraph(frame) {
    const svg = $("graph");
    svg.setAttribute("viewBox", `0 0 ${layout.width} ${layout.height}`);
    const room = $("graph-scroll").clientWidth;
    const scale = Math.min(1, Math.max(0.7, room / layout.width));      // a little too wide is made to fit; more scrolls
    svg.setAttribute("width", Math.round(layout.width * scale));
    svg.setAttribute("height", Math.round(layout.height * scale));
    const [done, back] = reached(frame);
    const focused = document.activeElement && document.activeElement.closest ? document.activeElement.closest("[data-box]") : null;
    const parts = [el("defs", {}, arrow("arrow-value"), arrow("arrow-gradient"))];
    layout.frames.forEach(each => parts.push(
      el("g", {class: "frame"}, el("rect", {x: each.x, y: each.y, width: each.width, height: each.height, rx: 8}),
        el("text", {x: each.x + 8, y: each.y + 12}, each.group.label))));
    const current = frame.step === undefined ? null : layout.boxOfStep.get(frame.step);
    const targets = frame.kind === "backward" ? new Set(pass.backward[frame.back].gives.map(give => give.to)) : new Set();
    layout.edges.forEach(edge => {
      const flows = frame.kind === "backward" && edge.to === current && targets.has(edge.value);
      const feeds = frame.kind === "forward" && edge.to === current;
      parts.push(el("path", {class: `edge${flows ? " flows" : ""}${feeds ? " feeds" : ""}`, d: wayOf(edge, flows),
                             "marker-end": `url(#arrow-${flows ? "gradient" : "value"})`}));
    });
    layout.boxes.forEach(box => parts.push(drawBox(box, box === current, done, back)));
    svg.replaceChildren(...parts);
    if (focused) {
      const again = svg.querySelector(`[data-box="${focused.dataset.box}"]`);
      if (again) again.focus({preventScroll: true});
    }
    if (current) {
      const view = $("graph-scroll"), x = current.x * scale, y = current.y * scale;
      if (y < view.scrollTop || y + BOX.height > view.scrollTop + view.clientHeight) view.scrollTop = y - view.clientHeight / 2;
      if (x < view.scrollLeft || x + BOX.width > view.scrollLeft + view.clientWidth)
        view.scrollLeft = x - view.clientWidth / 2 + BOX.width / 2;
    }
  }

  function arrow(id) {
    return el("marker", {id: id, viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto"},
      el("path", {d: "M0,0 L8,4 L0,8 z", class: id}));
  }

  function clip(text, length) {
    return text.length > length ? `${text.slice(0, length - 1)}…` : text;
  }

  function clipLeft(text, length) {
    return text.length > length ? `…${text.slice(text.length - length + 1)}` : text;
  }

  function titleOf(group) {
    return group.block ? say("block", {a: group.first + 1, b: group.last + 1}) : group.label;
  }

  function drawBox(box, current, done, back) {
    const node = box.node;
    let kind, title, second, value, gradient, problem = null, reach = true, act, label;
    if (node.children) {
      kind = "group";
      title = titleOf(node);
      const own = stepsIn(node);
      second = say("steps", {n: own.length});
      const out = pass.values[pass.steps[own[own.length - 1]].output];
      value = shortOf(out.numbers);
      gradient = back.has(out.id) ? shortOf(back.get(out.id)) : "";
      reach = own.some(step => done.has(step));
      problem = pass.problems.find(each => own.includes(each.step));
      act = () => { open.add(node.id); relayout(); };
      label = `${say("open", {name: title})}, ${second}`;
    } else {
      const id = node.step !== undefined ? pass.steps[node.step].output : node.value;
      const what = pass.values[id];
      kind = what.kind;
      title = what.name;
      value = shortOf(what.numbers);
      gradient = back.has(id) ? shortOf(back.get(id)) : "";
      if (node.step !== undefined) {
        const step = pass.steps[node.step];
        second = step.op;
        reach = done.has(node.step);
        problem = bad(node.step);
        act = () => go(frameOf(node.step));
        label = `${made(pass, step)}; ${say("value")} ${sentence(what.numbers, say)}`;
      } else {
        second = what.shape.length ? `[${what.shape.join(", ")}]` : what.dtype;
        act = () => go(frameOf(firstUse(id)));
        label = `${title}; ${say(kind)}; ${sentence(what.numbers, say)}`;
      }
      if (gradient) label += `; ${say("gradient")} ${gradient}`;
    }
    if (problem) label += `; ${problemText(problem)}`;
    const marks = `box ${kind}${current ? " current" : ""}${reach ? "" : " later"}${problem ? " bad" : ""}`;
    return el("g", {class: marks, transform: `translate(${box.x},${box.y})`, role: "button", tabindex: "0", "aria-label": label,
                    "data-box": node.children ? node.id : node.step !== undefined ? `s${node.step}` : `v${node.value}`,
                    "aria-expanded": node.children ? "false" : null, onclick: act,
                    onkeydown: event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); act(); } }},
      el("rect", {width: BOX.width, height: BOX.height, rx: kind === "step" || kind === "group" ? 6 : 18}),
      el("text", {class: "name", x: 10, y: 17}, kind === "leaf" || kind === "data" ? clipLeft(title, 17) : clip(title, node.children ? 16 : problem || second.length > 6 ? 9 : 11)),
      el("text", {class: "op", x: BOX.width - 10, y: 17, "text-anchor": "end"}, node.children ? "+" : problem ? "" : clip(kind === "step" ? second : "", 9)),
      el("text", {class: "value", x: 10, y: 33}, clip(reach ? (node.children ? second + "  " : "") + value : node.children ? second : "", 18)),
      el("text", {class: "gradient", x: 10, y: 48}, gradient ? clip(`∂ ${gradient}`, 18) : ""),
      problem ? el("text", {class: "mark", x: BOX.width - 10, y: 17, "text-anchor": "end"}, `! ${say(`${problem.kind} mark`)}`) : null);
  }

  function frameOf(step) {
    const backwardNow = ["backward", "landing", "after"].includes(frames[at].kind);
    const kind = backwardNow && numbers.has(step) ? "backward" : "forward";
    return Math.max(0, frames.findIndex(frame => frame.kind === kind && frame.step === step));
  }

  function firstUse(value) {
    const step = pass.steps.find(each => each.inputs.includes(value));
    return step ? step.id : 0;
  }

  function relayout() {
    layout = layOut(pass, tree, open);
    draw();
    drawGroups();
  }

  function drawGroups() {
    const groups = groupsOf(tree).filter(group => {
      if (group.block && !open.has(group.id)) return false;         // its box opens it
      let parent = group.parent;
      while (parent && open.has(parent.id)) parent = parent.parent;
      return !parent;
    }).slice(0, 80);
    $("groups").replaceChildren(...groups.map(group => el("button", {
      type: "button", "aria-expanded": String(open.has(group.id)), "data-group": group.id,
      onclick: () => {
        if (open.has(group.id)) open.delete(group.id); else open.add(group.id);
        relayout();
        const again = document.querySelector(`[data-group="${group.id}"]`);
        if (again) again.focus();
      }}, `${open.has(group.id) ? "−" : "+"} ${titleOf(group)}`)));
    $("groups").hidden = $("open-all").hidden = $("fold-all").hidden = groupsOf(tree).length === 0;
  }

  function drawProgram() {
    const lines = pass.lines.slice().sort((a, b) => a.file.localeCompare(b.file, undefined, {numeric: true}) || a.line - b.line);
    $("lines").replaceChildren(...lines.map(line => el("li", {"data-line": line.id},
      el("span", {class: "number"}, String(line.line)), el("code", {}, line.text))));
    $("program-panel").hidden = lines.length === 0;
  }

  function problemText(each) {
    const step = pass.steps[each.step];
    let largest = "";
    pass.backward.forEach(back => { if (back.step === each.step) back.gives.forEach(give => {
      if (give.to === each.to && give.gradient) largest = num(largestOf(give.gradient));
    }); });
    const where = step.line === undefined ? "" : `${say("line", {line: pass.lines[step.line].line})}: `;
    return where + say(`${each.kind} ${each.where}`, {name: pass.values[each.to].name, value: largest,
                                                      code: step.code || step.formula || step.rule});
  }

  function drawNotes() {
    const notes = pass.notes.map(note => el("p", {}, say(note.kind, note)));
    const problems = pass.problems.slice(0, 20).map(each => el("li", {}, el("button", {type: "button", onclick: () => {
      const found = frames.findIndex(frame => frame.kind === each.where && frame.step === each.step);
      go(Math.max(0, found));
    }}, `! ${problemText(each)}`)));
    $("notes").replaceChildren(...notes, problems.length ? el("h2", {}, say("problems")) : "", problems.length ? el("ul", {}, problems) : "");
    $("notes").hidden = !notes.length && !problems.length;
  }

  const LISTED = 400;

  function drawAll() {
    const listed = frames.length <= LISTED ? frames : frames.slice(0, LISTED);
    $("all").replaceChildren(...listed.map((frame, i) => {
      const text = frame.step === undefined ? say({landing: "leaves", between: "between", after: "afterwards", value: "value"}[frame.kind]) :
        `${frame.kind === "backward" ? "∂ " : ""}${made(pass, pass.steps[frame.step])}`;
      return el("li", {}, el("button", {type: "button", "data-at": i, onclick: () => { go(i); $("step").focus(); }}, text));
    }));
    drawGroups();
  }

  function translate() {
    document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
    document.title = `${say("title")}: ${pass.values[pass.result].name}`;
    document.querySelectorAll("[data-say]").forEach(node => { node.textContent = say(node.dataset.say); });
    document.querySelectorAll("[data-label]").forEach(node => node.setAttribute("aria-label", say(node.dataset.label)));
    document.querySelectorAll("[data-title]").forEach(node => { node.title = say(node.dataset.title); });
    $("language").lang = lang === "zh" ? "en" : "zh-CN";
    if (timer) $("play").textContent = say("pause");
    drawNotes();
    drawAll();
    draw();
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    $("play").textContent = say("play");
    $("play").setAttribute("aria-pressed", "false");
  }

  // ---- What the reader does

  $("first").addEventListener("click", () => go(0));
  $("previous").addEventListener("click", () => go(at - 1));
  $("next").addEventListener("click", () => go(at + 1));
  $("last").addEventListener("click", () => go(frames.length - 1));
  $("slider").addEventListener("input", event => go(Number(event.target.value)));
  $("play").addEventListener("click", () => {
    if (timer) { stop(); return; }
    if (at === frames.length - 1) go(0);
    $("play").textContent = say("pause");
    $("play").setAttribute("aria-pressed", "true");
    timer = setInterval(() => { if (at === frames.length - 1) stop(); else go(at + 1); }, 1200);
  });
  $("language").addEventListener("click", () => { lang = lang === "zh" ? "en" : "zh"; translate(); });
  $("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  $("open-all").addEventListener("click", () => {
    const groups = groupsOf(tree);
    if (pass.steps.length <= 500) groups.forEach(group => open.add(group.id));
    else groups.filter(group => group.parent.id === "all").forEach(group => open.add(group.id));
    relayout();
  });
  $("fold-all").addEventListener("click", () => { open = new Set(["all"]); relayout(); });
  document.addEventListener("keydown", event => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input, select, textarea")) return;
    const keys = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: frames.length - 1};
    const box = event.target;
    const scrolls = box.matches(".scroll, #graph-scroll, #lines") && box.scrollHeight > box.clientHeight;
    if (!scrolls) Object.assign(keys, {ArrowDown: at + 1, ArrowUp: at - 1});
    if (event.key in keys) { event.preventDefault(); go(keys[event.key]); }
  });
  const select = $("which");
  data.passes.forEach((_, i) => select.append(el("option", {value: i}, String(i + 1))));
  select.addEventListener("change", () => { choosePass(Number(select.value)); translate(); });
  $("which-label").hidden = data.passes.length < 2;

  if (data.passes.length) { choosePass(0); translate(); }
  else $("app").replaceChildren(el("p", {class: "panel"}, say("nothing")));
})();
