// The playground's page: asks the server for steps and draws what it tells.
"use strict";

(function () {
  const words = {
    title: ["Watch a net learn", "观察网络学习"], run: ["Train", "训练"], stop: ["Stop", "停止"], once: ["One step", "训练一步"], step: ["step", "步"],
    reset: ["Start again", "重新开始"], lr: ["Learning rate", "学习率"], speed: ["Steps at a time", "每次步数"],
    settings: ["Net and data", "网络与数据"], data: ["Data", "数据"], hidden: ["Hidden layers", "隐藏层"],
    activation: ["Activation", "激活函数"], optimizer: ["Optimizer", "优化器"], seed: ["Seed", "随机种子"],
    fit: ["Predictions", "网络的预测"], loss: ["Loss", "损失"], layers: ["Weights and gradients", "权重与梯度"],
    explain: ["One step, forward and backward", "一步：前向与反向"], show: ["Show the next step", "显示下一步"],
    rows: ["on 8 rows; this does not change the net", "使用 8 行数据；查看不会改变网络"],
    program: ["The same as a program", "等价的程序"], copy: ["Copy", "复制"], copied: ["copied", "已复制"],
    value: ["weights", "权重"], gradient: ["gradient", "梯度"], largest: ["up to {x}", "最大 {x}"], none: ["none yet", "还没有"],
    numbers: ["step {step}, loss {loss}", "第 {step} 步，损失 {loss}"], right: [", accuracy {x}%", "，准确率 {x}%"],
    classes: ["classes: {x}", "类别：{x}"], lost: ["The server has stopped.", "服务器已停止。"],
    fitted: ["data, and the curve that the net predicts", "数据点与网络预测的曲线"],
    plane: ["data by class, and the predicted class at each place", "各类数据点，以及每个位置的预测类别"],
    "bad hidden": ["Hidden layers: at most 6 widths from 1 to 128, as 8,8; 0 for none.", "隐藏层：最多 6 个宽度，每个从 1 到 128，例如 8,8；0 表示没有。"],
    "bad seed": ["Seed: a whole number from 0.", "随机种子：从 0 开始的整数。"],
    "bad lr": ["Learning rate: a number above 0, at most 100.", "学习率：大于 0、不超过 100 的数。"],
    layersHelp: ["widths, as 8,8; 0 for none", "各层宽度，如 8,8；0 表示没有"],
  };
  const $ = id => document.getElementById(id);
  const colours = [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233], [90, 90, 90], [140, 90, 40]];
  let lang = (navigator.language || "").toLowerCase().startsWith("zh") ? 1 : 0;
  let fixed = null, state = null, running = false, busy = false;

  const say = (key, parts) => Object.entries(parts || {}).reduce((text, [name, x]) => text.replace(`{${name}}`, x), words[key][lang]);
  const colour = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const num = x => typeof x === "number" ? String(Number(x.toPrecision(4))) : String(x);

  async function ask(what, body) {
    let answer;
    try {
      answer = await fetch(what, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)});
    } catch (error) {
      tell(say("lost"));
      stop();
      throw error;
    }
    const out = await answer.json();
    if (!answer.ok) { tell(words[`bad ${out.what}`] ? say(`bad ${out.what}`) : out.error); stop(); throw new Error(out.error); }
    tell("");
    return out;
  }

  function tell(text) {
    $("message").textContent = text;
    $("message").hidden = !text;
  }

  function settings() {
    const hidden = $("hidden").value.split(",").map(x => Number(x.trim())).filter(x => x !== 0);
    return {data: $("data").value, hidden: hidden, activation: $("activation").value, optimizer: $("optimizer").value,
            seed: Number($("seed").value), lr: Number($("lr").value)};
  }

  async function setup(first) {
    const out = await ask(first ? "state" : "setup", first ? {} : settings());
    fixed = out.fixed;
    state = out.state;
    $("data").replaceChildren(...out.problems.map(name => {
      const option = document.createElement("option");
      option.textContent = name;
      option.selected = name === fixed.name;
      return option;
    }));
    if (first) {
      $("hidden").value = fixed.hidden.join(",");
      $("activation").value = fixed.activation;
      $("optimizer").value = fixed.optimizer;
      $("lr").value = state.lr;
    }
    draw();
  }

  async function train(steps) {
    if (busy) return;
    busy = true;
    try {
      state = (await ask("train", {steps: steps, lr: Number($("lr").value)})).state;
      draw();
    } finally {
      busy = false;
    }
  }

  async function loop() {
    while (running) {
      try { await train(Number($("speed").value)); } catch (error) { return; }
      await new Promise(requestAnimationFrame);
    }
  }

  function stop() {
    running = false;
    $("run").textContent = say("run");
    $("run").setAttribute("aria-pressed", "false");
  }

  // ---- Drawing

  function axes(canvas, x, y, log) {
    const c = canvas.getContext("2d"), left = 62, bottom = 38, top = 8, right = 8;
    c.clearRect(0, 0, canvas.width, canvas.height);
    c.font = "12px system-ui, sans-serif";
    const w = canvas.width - left - right, h = canvas.height - top - bottom;
    const f = v => log ? Math.log10(v) : v;
    const X = v => left + (v - x[0]) / (x[1] - x[0]) * w;
    const Y = v => top + (1 - (f(v) - f(y[0])) / (f(y[1]) - f(y[0]))) * h;
    return {c, X, Y, left, top, w, h, frame: (xs, ys, nameX, nameY) => {
      c.strokeStyle = colour("strong");
      c.strokeRect(left, top, w, h);
      c.fillStyle = colour("soft");
      c.textAlign = "center";
      xs.forEach(v => c.fillText(v[1], Math.min(Math.max(X(v[0]), left + 10), left + w - 14), top + h + 15));
      c.fillText(nameX, left + w / 2, top + h + 32);
      c.textAlign = "right";
      ys.forEach(v => c.fillText(v[1], left - 4, Y(v[0]) + 4));
      c.save();
      c.translate(11, top + h / 2);
      c.rotate(-Math.PI / 2);
      c.textAlign = "center";
      c.fillText(nameY, 0, 0);
      c.restore();
    }};
  }

  const scaled = (v, axis) => fixed.scales[axis] ? v * fixed.scales[axis][1] + fixed.scales[axis][0] : v;
  const ticks = (range, axis) => [0.02, 0.5, 0.98].map(p => range[0] + p * (range[1] - range[0])).map(v => [v, num3(scaled(v, axis))]);
  const num3 = x => x !== 0 && Math.abs(x) < 1e-3 ? x.toExponential(1) : String(Number(x.toPrecision(3)));

  function drawFit() {
    const canvas = $("fit");
    const x = fixed.ends[0], y = fixed.ends[1] || [-1, 1];
    const view = axes(canvas, x, y, false), c = view.c;
    if (fixed.classes) {
      const n = state.plane.length;
      state.plane.forEach((row, i) => row.forEach((value, j) => {
        const best = Math.floor(value), sure = Math.max(0.08, (value - best - 1 / fixed.classes) / (1 - 1 / fixed.classes));
        c.fillStyle = `rgba(${colours[best % 8].join(",")},${(0.55 * sure).toFixed(3)})`;
        const [x1, x2] = [j, j + 1].map(k => Math.round(view.left + k * view.w / n));
        const [y1, y2] = [i, i + 1].map(k => Math.round(view.top + k * view.h / n));
        c.fillRect(x1, y1, x2 - x1, y2 - y1);
      }));
    }
    fixed.points.forEach((point, i) => {
      const cls = fixed.classes ? fixed.targets[i] : 0;
      const px = view.X(point[0]), py = view.Y(fixed.classes ? (point.length > 1 ? point[1] : 0) : fixed.targets[i]);
      c.fillStyle = `rgb(${colours[cls % 8].join(",")})`;
      c.strokeStyle = colour("panel");
      c.beginPath();
      if (cls % 3 === 1) { c.moveTo(px, py - 4.5); c.lineTo(px + 4.5, py + 3.5); c.lineTo(px - 4.5, py + 3.5); c.closePath(); }
      else if (cls % 3 === 2) c.rect(px - 3.5, py - 3.5, 7, 7);
      else c.arc(px, py, 3.6, 0, 7);
      c.fill();
      c.stroke();
    });
    if (state.curve) {
      c.save();
      c.beginPath();
      c.rect(view.left, view.top, view.w, view.h);
      c.clip();
      c.strokeStyle = colour("gradient");
      c.lineWidth = 2.5;
      c.beginPath();
      state.curve.forEach(([a, b], i) => typeof b === "number" && (i ? c.lineTo(view.X(a), view.Y(b)) : c.moveTo(view.X(a), view.Y(b))));
      c.stroke();
      c.restore();
    }
    view.frame(ticks(x, 0), ticks(y, 1), fixed.axes[0], fixed.axes[1] || "");
    canvas.setAttribute("aria-label", say(fixed.classes ? "plane" : "fitted"));
    $("fit-text").textContent = fixed.class_names.length ? say("classes", {x: fixed.class_names.join(", ")}) :
      say(fixed.classes ? "plane" : "fitted");
  }

  function drawLoss() {
    const canvas = $("loss"), points = state.losses.filter(each => typeof each[1] === "number" && each[1] > 0);
    const values = points.map(each => each[1]);
    const low = Math.min(...values, Infinity), high = Math.max(...values, -Infinity);
    const y = points.length ? [low * 0.8, high * 1.25] : [0.1, 1], last = points.length ? points[points.length - 1][0] : 1;
    const view = axes(canvas, [1, Math.max(2, last)], y, true), c = view.c;
    c.strokeStyle = colour("value");
    c.lineWidth = 2;
    c.beginPath();
    points.forEach(([a, b], i) => i ? c.lineTo(view.X(a), view.Y(b)) : c.moveTo(view.X(a), view.Y(b)));
    c.stroke();
    view.frame([[1, "1"], [last, String(last)]], points.length ? [[high, num3(high)], [low, num3(low)]] : [], say("step"), say("loss"));
    const text = say("numbers", {step: state.step, loss: num(state.loss)}) +
      (state.accuracy === undefined ? "" : say("right", {x: num(Math.round(state.accuracy * 1000) / 10)}));
    $("numbers").textContent = text;
    canvas.setAttribute("aria-label", text);
  }

  function picture(rows, largest, ink, label) {
    const canvas = document.createElement("canvas"), size = Math.max(4, Math.min(16, Math.floor(130 / Math.max(rows[0].length, rows.length))));
    canvas.width = rows[0].length * size;
    canvas.height = rows.length * size;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    const c = canvas.getContext("2d");
    rows.forEach((row, i) => row.forEach((x, j) => {
      c.globalAlpha = typeof x === "number" ? Math.min(1, Math.abs(x) / (largest || 1)) : 1;
      c.fillStyle = colour(x < 0 ? "negative" : ink);
      c.fillRect(j * size, i * size, size - 1, size - 1);
    }));
    return canvas;
  }

  function figure(rows, largest, kind, name) {
    const box = document.createElement("figure"), caption = document.createElement("figcaption");
    caption.className = kind;
    caption.textContent = rows ? `${say(kind)}, ${say("largest", {x: num(largest)})}` : `${say(kind)}: ${say("none")}`;
    if (rows) box.append(picture(rows, largest, kind, `${name} ${caption.textContent}`));
    box.append(caption);
    return box;
  }

  function drawLayers() {
    $("layers").replaceChildren(...state.layers.map(layer => {
      const box = document.createElement("div"), title = document.createElement("h3"), pair = document.createElement("div");
      title.textContent = `${layer.name} [${layer.shape.join(", ")}]`;
      pair.className = "pair";
      pair.append(figure(layer.value, layer.largest, "value", layer.name), figure(layer.gradient, layer.slope, "gradient", layer.name));
      box.append(title, pair);
      return box;
    }));
  }

  function draw() {
    drawFit();
    drawLoss();
    drawLayers();
    $("program").textContent = state.program;
  }

  function translate() {
    document.documentElement.lang = lang ? "zh-CN" : "en";
    document.querySelectorAll("[data-say]").forEach(node => { node.textContent = say(node.dataset.say); });
    $("language").textContent = lang ? "English" : "中文";
    $("hidden").title = say("layersHelp");
    document.title = `tinygrad_c play: ${say("title")}`;
    if (running) $("run").textContent = say("stop");
    if (state) draw();
    if (!$("frame").hidden) showStep();
  }

  function showStep() {
    $("frame").hidden = false;
    $("frame").src = `${lang ? "explain.zh" : "explain"}?${state.step}`;
  }

  $("run").addEventListener("click", () => {
    if (running) { stop(); return; }
    running = true;
    $("run").textContent = say("stop");
    $("run").setAttribute("aria-pressed", "true");
    loop();
  });
  $("once").addEventListener("click", () => { stop(); train(1).catch(() => {}); });
  $("reset").addEventListener("click", () => { stop(); setup(false).catch(() => {}); });
  ["data", "activation", "optimizer", "hidden", "seed"].forEach(id => $(id).addEventListener("change", () => {
    stop();
    setup(false).catch(() => {});
  }));
  $("lr").addEventListener("change", () => ask("lr", {lr: Number($("lr").value)}).then(out => { state = out.state; draw(); }, () => {}));
  $("explain").addEventListener("click", () => { stop(); showStep(); });
  $("copy").addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(state.program); $("copied").textContent = say("copied"); }
    catch (error) { getSelection().selectAllChildren($("program")); }
  });
  $("language").addEventListener("click", () => { lang = 1 - lang; translate(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => state && draw());

  translate();
  setup(true).catch(() => {});
})();
