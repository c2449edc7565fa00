/* Figures of a report: elements, class bars, confusion matrix, curves and the map. Texts are set by textContent only. */
"use strict";
const PspCharts = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const MARKERS = [  // ten shapes of about equal area around the origin
    "M-1 0a1 1 0 1 0 2 0a1 1 0 1 0-2 0", "M-.9-.9h1.8v1.8h-1.8z", "M0-1.3L1.15.7H-1.15z", "M0-1.3L1.1 0L0 1.3L-1.1 0z",
    "M0 1.3L1.15-.7H-1.15z", "M-.4-1.1h.8v.7h.7v.8h-.7v.7h-.8v-.7h-.7v-.8h.7z", "M-1.3-.35h2.6v.7h-2.6z",
    "M-.35-1.3h.7v2.6h-.7z", "M-1.1-.55L0-1.15L1.1-.55V.55L0 1.15L-1.1.55z", "M-1.2-1L0-.3L1.2-1L.5 0L1.2 1L0 .3L-1.2 1L-.5 0z",
  ];

  /* An element with properties, attributes (by name: text) and children; null children are left out. */
  function el(kind, properties = {}, ...children) {
    const made = document.createElement(kind);
    for (const [name, value] of Object.entries(properties)) {
      if (name === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
      else if (name === "style") Object.assign(made.style, value);
      else if (name in made) made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...children.filter((each) => each !== null && each !== undefined));
    return made;
  }

  function svg(kind, attributes = {}, ...children) {
    const made = document.createElementNS(SVG, kind);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}\u00a0%`;

  /* A probability, null if it is not known: less than a half per cent from 0 or 1 is named so. */
  function likelihood(share) {
    if (share === null) return "–";
    if (share > 0.995 && share < 1) return ">\u00a099\u00a0%";
    return share > 0 && share < 0.005 ? "<\u00a01\u00a0%" : percent(share);
  }

  /* A scale from 0 to 100 % with a value and its interval. */
  function scale(value, [low, high]) {
    const at = (name, style) => el("i", {className: name, style});
    return el("div", {className: "scale", ariaHidden: "true"}, at("track", {}),
      at("range", {left: `${low}%`, width: `${high - low}%`}), at("at", {left: `${value}%`}));
  }

  function classBars(rows, open) {
    const bar = ({name, clips, right, interval: [low, high]}) => el("button",
      {className: "bar", type: "button", on: {click: () => open(name)},
        "aria-label": `${name}: ${right} of ${clips} clips, interval ${low.toFixed(0)} to ${high.toFixed(0)} percent`},
      el("span", {className: "name", title: name}, name),
      el("span", {className: "track"}, el("span", {className: "fill", style: {width: `${100 * right / clips}%`}}),
        el("span", {className: "whisker", style: {left: `${low}%`, width: `${high - low}%`}})),
      el("span", {className: "count"}, `${percent(right / clips)} of ${clips}`));
    return el("div", {className: "bars"}, ...rows.map(bar));
  }

  function countBars(rows, open) {
    const most = Math.max(1, ...rows.map((each) => each[1]));
    return el("div", {className: "bars"}, ...rows.map(([name, count]) => el(open ? "button" : "div",
      {className: "bar", ...(open ? {type: "button", on: {click: () => open(name)}} : {})},
      el("span", {className: "name", title: name}, name), el("span", {className: "track"},
        el("span", {className: "fill", style: {width: `${100 * count / most}%`}})),
      el("span", {className: "count"}, count.toLocaleString("en")))));
  }

  /* Mixes the ground of a cell from the colours of cards and of heat; the ink is black or white, which contrasts more. */
  function paint(cell) {
    const colours = getComputedStyle(document.documentElement), weight = 0.1 + 0.9 * cell.dataset.share;
    const heat = colours.getPropertyValue("--heat").split(",").map(Number);
    const card = colours.getPropertyValue("--card").match(/[0-9a-f]{2}/g).map((part) => parseInt(part, 16));
    const ground = card.map((part, n) => Math.round(part + weight * (heat[n] - part)));
    const [red, green, blue] = ground.map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    cell.style.background = `rgb(${ground})`;
    cell.style.color = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    document.querySelectorAll(".matrix [data-share]").forEach(paint);
  });

  /* The confusion matrix as a table of buttons; arrow keys move, Enter opens the clips of a cell. */
  function matrix(counts, classes, open) {
    const total = (row) => Math.max(1, row.reduce((sum, each) => sum + each, 0));
    const buttons = counts.map((row, i) => row.map((count, j) => cell(count, i, j)));
    function cell(count, i, j) {
      const share = count / total(counts[i]);
      const made = el("button", {type: "button", tabIndex: -1, disabled: false,
        title: `${classes[i]} taken for ${classes[j]}: ${count}`,
        "aria-label": `${classes[i]} recognised as ${classes[j]}: ${count}`,
        on: {click: () => count && open(i, j), keydown: (event) => move(event, i, j)}}, count ? String(count) : "");
      if (count) {
        made.dataset.share = share;
        paint(made);
      }
      return made;
    }
    function move(event, i, j) {
      const step = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
      const next = step && (buttons[i + step[0]] || [])[j + step[1]];
      if (!next) return;
      event.preventDefault();
      buttons[i][j].tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    }
    buttons[0][0].tabIndex = 0;
    const head = el("tr", {}, el("th"), ...classes.map((name) => el("th", {scope: "col"}, el("span", {title: name}, name))));
    const rows = buttons.map((row, i) => el("tr", {}, el("th", {scope: "row", title: classes[i]}, classes[i]),
      ...row.map((made, j) => el("td", {className: [i === j && "own", !counts[i][j] && "none"].filter(Boolean).join(" ")},
        made))));
    const many = classes.length > 36 ? "matrix many" : "matrix";
    return el("table", {className: many}, el("thead", {}, head), el("tbody", {}, ...rows));
  }

  /* Curves of one quantity over the steps, one for each run, with dashes that tell them apart. */
  function curves(title, lines) {
    const dashes = ["", "5 2", "1.5 2", "7 2 1.5 2"], all = lines.flatMap((each) => each.points);
    const [xs, ys] = [0, 1].map((k) => all.map((each) => each[k]));
    const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const x = (value) => 38 + 256 * (value - left) / (right - left || 1);
    const y = (value) => 112 - 100 * (value - low) / (high - low || 1);
    const picture = svg("svg", {viewBox: "0 0 300 132", role: "img",
      "aria-label": `${title}: from ${short(ys[0])} to ${short(ys[ys.length - 1])}`});
    for (const value of [low, (low + high) / 2, high]) {
      picture.append(svg("line", {x1: 38, x2: 294, y1: y(value), y2: y(value), stroke: "var(--line)"}),
        svg("text", {x: 34, y: y(value) + 3, "text-anchor": "end"}, short(value)));
    }
    picture.append(svg("text", {x: 38, y: 126}, String(left)),
      svg("text", {x: 294, y: 126, "text-anchor": "end"}, `step ${right}`));
    lines.forEach((line, n) => {
      const path = line.points.map(([at, value], k) => `${k ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`);
      picture.append(svg("path", {d: path.join(""), fill: "none", stroke: lines.length > 1 ? `var(--c${n % 10})`
        : "var(--accent)", "stroke-width": 1.4, "stroke-dasharray": dashes[n % dashes.length], "stroke-linejoin": "round"}));
    });
    const names = lines.length > 1 ? el("div", {className: "legend"}, ...lines.map((line, n) => el("span", {},
      swatch(svg("line", {x1: 0, x2: 24, y1: 6, y2: 6, stroke: `var(--c${n % 10})`, "stroke-width": 2,
        "stroke-dasharray": dashes[n % dashes.length]}), "0 0 24 12"), line.name))) : null;
    return el("div", {className: "curve"}, el("h3", {}, title), picture, names);
  }

  const short = (value) => String(Number(value.toPrecision(3)));

  function swatch(drawn, box) {
    return svg("svg", {viewBox: box, "aria-hidden": "true"}, drawn);
  }

  const style = (number) => ({fill: `var(--c${number % 10})`,
    d: MARKERS[(number % 10 + Math.floor(number / 10)) % 10]});

  /* The map: one marker a clip, coloured by class; `show` gets a point's number when it is hovered, tapped or reached. */
  function map({x, y, example}, examples, classes, show) {
    const picture = svg("svg", {viewBox: "-2 -2 104 84", tabindex: 0, role: "application",
      "aria-label": "Map of clips: arrow keys go to the next clip in a direction"});
    const known = (n) => typeof examples[example[n]][2] === "number";
    const points = example.map((number, n) => {
      const [, , label, chances] = examples[number], wrong = known(n) && chances.length && chances[0][0] !== label;
      const made = svg("path", {...(known(n) ? style(label) : {d: MARKERS[0], fill: "var(--line)"}),
        transform: `translate(${(100 * x[n]).toFixed(1)} ${(80 * (1 - y[n])).toFixed(1)}) scale(0.7)`});
      if (wrong) made.classList.add("mistake");
      made.dataset.point = n;
      return made;
    });
    picture.append(...points);
    let chosen = -1;
    function choose(n) {
      if (n < 0 || n === chosen) return;
      if (chosen >= 0) points[chosen].classList.remove("chosen");
      chosen = n;
      points[n].classList.add("chosen");
      picture.append(points[n]);
      show(n, example[n]);
    }
    const pick = (event) => choose(Number(event.target.dataset.point ?? -1));
    picture.addEventListener("pointerover", pick);
    picture.addEventListener("click", pick);
    picture.addEventListener("keydown", (event) => {
      const [dx, dy] = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key] || [0, 0];
      if (!dx && !dy) return;
      event.preventDefault();
      const from = Math.max(0, chosen), cost = (n) => {
        const along = (x[n] - x[from]) * dx + (y[n] - y[from]) * dy;
        return along > 1e-4 ? Math.hypot(x[n] - x[from], y[n] - y[from]) * (2 - along / Math.hypot(x[n] - x[from],
          y[n] - y[from])) : Infinity;
      };
      const best = x.reduce((found, _, n) => (cost(n) < cost(found) ? n : found), from);
      choose(chosen < 0 ? 0 : best);
    });
    const present = [...new Set(example.map((number) => examples[number][2]).filter((each) => typeof each === "number"))];
    const legend = el("div", {className: "legend"}, ...present.sort((a, b) => a - b).map((label) => {
      const shape = svg("path", {...style(label), transform: "translate(7 7) scale(4.6)"});
      return el("button", {type: "button", "aria-pressed": "false", on: {click: (event) => {
        const button = event.currentTarget, on = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(on));
        const marked = new Set([...legend.children].filter((each) => each.getAttribute("aria-pressed") === "true")
          .map((each) => Number(each.dataset.label)));
        points.forEach((point, n) => point.classList.toggle("faded", marked.size > 0
          && !marked.has(examples[example[n]][2])));
      }}}, swatch(shape, "0 0 14 14"), classes[label]);
    }));
    [...legend.children].forEach((button, n) => { button.dataset.label = present[n]; });
    return {picture: el("div", {className: "plane"}, picture), legend, choose};
  }

  return {el, svg, percent, likelihood, scale, classBars, countBars, matrix, curves, map};
})();
