"use strict";
(function () {
  var root = document.documentElement;
  root.classList.add("js");
  var NS = "http://www.w3.org/2000/svg";
  function byId(id) { return document.getElementById(id); }
  function el(name, cls, text) {
    var node = document.createElement(name);
    if (cls) { node.className = cls; }
    if (text !== undefined) { node.textContent = text; }
    return node;
  }
  function svg(name, attributes) {
    var node = document.createElementNS(NS, name);
    for (var key in attributes) { node.setAttribute(key, attributes[key]); }
    return node;
  }
  var outlines = byId("outlines");
  if (outlines) {
    outlines.addEventListener("change", function () {
      root.classList.toggle("no-outlines", !outlines.checked);
    });
  }
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details.table").forEach(function (d) { d.open = true; });
  });
  var holder = byId("data");
  if (!holder) { return; }
  var data = JSON.parse(holder.textContent);
  var strips = JSON.parse(byId("strips").textContent);
  var times = [];
  data.plates.forEach(function (p) {
    p.times.forEach(function (t) { if (times.indexOf(t) < 0) { times.push(t); } });
  });
  times.sort(function (a, b) { return a - b; });
  var metrics = data.metrics.slice();
  var hasStates = data.plates.some(function (p) {
    return p.state.some(function (row) { return row.some(function (s) { return s >= 0; }); });
  });
  if (hasStates) { metrics.splice(1, 0, { column: "state", label: "State", unit: "", help: "Intact, shrunken, shedding, disintegrated, lost; from the thresholds in the settings.", ramp: "" }); }
  var choice = byId("metric"), slider = byId("time"), out = byId("time-out"), play = byId("play");
  var detail = byId("detail");
  metrics.forEach(function (m, n) {
    var option = el("option", "", m.unit ? m.label + ", " + m.unit : m.label);
    option.value = String(n);
    choice.appendChild(option);
  });
  slider.max = String(Math.max(0, times.length - 1));
  slider.value = String(Math.max(0, times.indexOf(data.start)));
  if (!data.has_times) { slider.parentNode.style.display = "none"; play.style.display = "none"; }
  var plates = Array.prototype.map.call(document.querySelectorAll("svg.plate"), function (node) {
    var wells = Array.prototype.slice.call(node.querySelectorAll(".w"));
    wells.forEach(function (w) { var t = w.querySelector("title"); if (t) { w.removeChild(t); } });
    return { node: node, wells: wells, data: data.plates[Number(node.dataset.plate)] };
  });
  var current = null, held = null;
  function show(value) {
    if (value === null || value === undefined) { return "–"; }
    return String(value).replace("-", "−");
  }
  function step(value, m) {
    if (value === null || m.low === null || m.high === null || m.high <= m.low) { return null; }
    return Math.min(10, Math.max(0, Math.floor((value - m.low) / (m.high - m.low) * 10 + 0.5)));
  }
  function at(plate, name) { return plate.data.wells.indexOf(name); }
  function fixed(value, m) {
    return value !== null && m.high !== null && Math.abs(m.high) <= 1 ? show(value.toFixed(2)) : show(value);
  }
  function withUnit(value, m) { value = value === undefined ? null : value; return fixed(value, m) + (m.unit && value !== null ? " " + m.unit : ""); }
  function paint() {
    var m = metrics[Number(choice.value)], time = times[Number(slider.value)];
    out.textContent = data.has_times ? show(time) + " h" : "";
    plates.forEach(function (plate) {
      var t = plate.data.times.indexOf(time);
      plate.node.setAttribute("aria-label", "Plate " + plate.data.name + ": " + m.label + (data.has_times ? " at " + time + " h" : ""));
      plate.wells.forEach(function (node) {
        var w = at(plate, node.dataset.w), cls = "none", sign = "", words = "no value";
        var code = t < 0 ? -1 : plate.data.state[w][t], state = code < 0 ? null : data.states[code];
        var out_ = state && (state[0] === "unscorable" || state[0] === "never_formed" || state[0] === "vanished");
        if (out_ && plate.data.role[w] !== "blank") {
          sign = state[2];
          words = state[0].replace("_", " ");
        } else if (m.column === "state") {
          if (state) { cls = state[1]; sign = state[2]; words = state[0].replace("_", " "); }
        } else if (t >= 0) {
          var value = plate.data.values[m.column][w][t], s = step(value, m);
          if (s !== null) { cls = m.ramp + s; words = m.label + " " + withUnit(value, m); }
        }
        var marks = (node.classList.contains("on") ? " on" : "") + (node.classList.contains("held") ? " held" : "");
        node.setAttribute("class", "w " + cls + marks);
        node.querySelector("text").textContent = sign;
        node.setAttribute("aria-label", node.dataset.w + ", " + data.conditions[plate.data.condition[w]] + ", " + words);
      });
    });
    var ramp = document.querySelector("#legend .ramp");
    if (m.column === "state") {
      byId("legend-low").textContent = ""; byId("legend-high").textContent = "";
      byId("legend-name").textContent = data.states.slice(0, 5).map(function (s) { return s[2] + " " + s[0]; }).join(" · ");
      ramp.replaceChildren.apply(ramp, data.states.slice(0, 5).map(function (s) { return el("i", s[1]); }));
    } else {
      byId("legend-low").textContent = show(m.low); byId("legend-high").textContent = show(m.high);
      byId("legend-name").textContent = m.unit ? m.label + ", " + m.unit : m.label;
      var cells = [];
      for (var n = 0; n < 11; n++) { cells.push(el("i", m.ramp + n)); }
      ramp.replaceChildren.apply(ramp, cells);
    }
    byId("metric-help").textContent = m.help || "";
    if (current) { describe(current[0], current[1]); }
  }
  function photo(strip, n, count, alt) {
    var px = data.px, node = svg("svg", { "class": "photo", viewBox: "0 0 " + px + " " + px, role: "img", "aria-label": alt });
    node.appendChild(svg("image", { href: strip[0], x: -n * px, y: 0, width: px * count, height: px, preserveAspectRatio: "none" }));
    var group = svg("g", { "class": "outlines", transform: "scale(" + 1 / data.grid + ")" });
    group.appendChild(svg("path", { "class": "shed-line", d: strip[3][n] }));
    group.appendChild(svg("path", { "class": "core-line", d: strip[2][n] }));
    node.appendChild(group);
    return node;
  }
  function spark(values, m, t) {
    var known = values.filter(function (v) { return v !== null; });
    if (known.length < 2) { return null; }
    var low = m.low !== null ? Math.min(m.low, Math.min.apply(null, known)) : Math.min.apply(null, known);
    var high = Math.max(m.high, Math.max.apply(null, known));
    if (!(high > low)) { return null; }
    var d = "", pen = false, first = times[0], span = times[times.length - 1] - first || 1;
    values.forEach(function (v, n) {
      if (v === null) { pen = false; return; }
      d += (pen ? "L" : "M") + ((t.times[n] - first) / span * 100).toFixed(2) + " " + (40 - (v - low) / (high - low) * 38).toFixed(2);
      pen = true;
    });
    var node = svg("svg", { "class": "spark", viewBox: "0 0 100 42", preserveAspectRatio: "none", role: "img", "aria-label": m.label + " over time" });
    var x = (times[Number(slider.value)] - first) / span * 100;
    node.appendChild(svg("line", { x1: 0, x2: 100, y1: 41, y2: 41 }));
    node.appendChild(svg("line", { x1: x, x2: x, y1: 0, y2: 41 }));
    node.appendChild(svg("path", { d: d }));
    return node;
  }
  function doubt(p, column, w, t) {
    var ends = p.intervals[column], low = ends && ends[0][w][t];
    return ends && low !== null ? " (" + low.toFixed(2) + " to " + ends[1][w][t].toFixed(2) + ")" : "";
  }
  function describe(plate, name) {
    var p = plate.data, w = at(plate, name), time = times[Number(slider.value)], t = p.times.indexOf(time);
    var m = metrics[Number(choice.value)];
    var head = el("h3", "", name);
    head.appendChild(el("span", "", (data.plates.length > 1 ? p.name + ", " : "") + p.role[w].replace("_", " ") + (held ? " · held, Esc lets go" : "")));
    var parts = [head, el("p", "condition", data.conditions[p.condition[w]])];
    (p.flags[name] || []).forEach(function (line) { parts.push(el("p", "warn", line)); });
    var numbers = el("p", "numbers");
    if (t >= 0) {
      var code = p.state[w][t];
      if (code >= 0) { add(numbers, "state", data.states[code][0].replace("_", " ")); }
      var said = 0;
      data.metrics.forEach(function (one) {
        var wanted = one.column === m.column;
        if ((said < 4 || wanted) && p.values[one.column][w][t] !== null) {
          add(numbers, one.label, withUnit(p.values[one.column][w][t], one) + doubt(p, one.column, w, t));
          said += 1;
        }
      });
    }
    parts.push(numbers);
    if (data.has_times && m.column !== "state") {
      var line = spark(p.values[m.column][w], m, p);
      if (line) { parts.push(el("p", "aside", m.label + " over time")); parts.push(line); }
    }
    var strip = (strips[p.name] || {})[name];
    if (strip) {
      var film = el("div", "film"), shown = data.strip_times[p.name];
      shown.forEach(function (index, n) {
        var hour = p.times[index], figure = el("figure", hour === time ? "now" : "");
        if (strip[1][n]) {
          figure.appendChild(photo(strip, n, shown.length, name + " at " + hour + " h"));
        } else {
          figure.appendChild(el("div", "photo empty", "no picture"));
        }
        var s = p.state[w][index], df = p.values.disintegration_fraction;
        var words = show(hour) + " h" + (s >= 0 ? " " + data.states[s][0].replace("_", " ") : "");
        if (df && df[w][index] !== null) { words += ", DF " + df[w][index].toFixed(2); }
        figure.appendChild(el("figcaption", "", words));
        film.appendChild(figure);
      });
      parts.push(film);
      if (data.um_per_px) { parts.push(el("p", "aside", "One picture is " + Math.round(data.um_per_px * data.px) + " µm wide.")); }
    }
    detail.replaceChildren.apply(detail, parts);
  }
  function add(into, label, value) {
    var span = el("span", "", label + " ");
    span.appendChild(el("b", "", value));
    into.appendChild(span);
  }
  function mark(cls, node) {
    document.querySelectorAll(".w." + cls).forEach(function (n) { n.classList.remove(cls); });
    if (node) { node.classList.add(cls); }
  }
  function choose(plate, node) {
    current = [plate, node.dataset.w];
    mark("on", node);
    describe(plate, node.dataset.w);
  }
  function hold(plate, node) {
    var same = held === node;
    held = same ? null : node;
    mark("held", held);
    choose(plate, node);
  }
  plates.forEach(function (plate) {
    var place = {};
    plate.wells.forEach(function (node) { place[node.dataset.w] = node; });
    plate.wells.forEach(function (node) {
      node.addEventListener("mouseenter", function () { if (!held) { choose(plate, node); } });
      node.addEventListener("focus", function () { if (!held) { choose(plate, node); } });
      node.addEventListener("click", function () { hold(plate, node); });
    });
    plate.node.addEventListener("keydown", function (event) {
      var node = event.target.closest(".w");
      if (!node) { return; }
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); hold(plate, node); return; }
      var moves = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
      var move = moves[event.key];
      if (!move) { return; }
      event.preventDefault();
      var next = neighbour(place, node.dataset.w, move);
      if (next) {
        plate.wells.forEach(function (n) { n.setAttribute("tabindex", "-1"); });
        next.setAttribute("tabindex", "0");
        next.focus();
      }
    });
  });
  function rowNumber(text) {
    var n = 0;
    for (var i = 0; i < text.length; i++) { n = n * 26 + text.charCodeAt(i) - 64; }
    return n;
  }
  function rowName(n) { return n > 26 ? String.fromCharCode(64 + Math.floor((n - 1) / 26)) + String.fromCharCode(65 + (n - 1) % 26) : String.fromCharCode(64 + n); }
  function neighbour(place, name, move) {
    var match = /^([A-Z]+)(\d+)$/.exec(name), row = rowNumber(match[1]), column = Number(match[2]);
    for (var n = 0; n < 48; n++) {
      row += move[0]; column += move[1];
      if (row < 1 || column < 1) { return null; }
      var next = place[rowName(row) + String(column).padStart(2, "0")];
      if (next) { return next; }
    }
    return null;
  }
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape" && held) { held = null; mark("held", null); if (current) { describe(current[0], current[1]); } }
  });
  choice.addEventListener("change", paint);
  slider.addEventListener("input", paint);
  var timer = null;
  play.addEventListener("click", function () {
    var running = timer !== null;
    if (running) { clearInterval(timer); timer = null; }
    else {
      timer = setInterval(function () { slider.value = String((Number(slider.value) + 1) % times.length); paint(); }, 700);
    }
    play.setAttribute("aria-pressed", String(!running));
    play.textContent = running ? "▶ Play" : "❚❚ Stop";
  });
  byId("controls").addEventListener("submit", function (event) { event.preventDefault(); });
  paint();
  // One well is open from the start: the one that fell apart most shows what can be seen.
  var best = null, most = -1;
  plates.forEach(function (plate) {
    var column = plate.data.values[metrics[0].column], t = plate.data.times.indexOf(times[Number(slider.value)]);
    plate.wells.forEach(function (node) {
      var w = at(plate, node.dataset.w);
      var v = t < 0 ? null : column[w][t];
      if (v !== null && v > most && plate.data.role[w] === "treated") { most = v; best = [plate, node]; }
    });
  });
  if (best) { choose(best[0], best[1]); }
})();
