/* The labelling page: plays the proposed clips, takes a class by one key, and shows what became of it.
   Texts from the server are shown by textContent only. */
"use strict";

const $ = (id) => document.getElementById(id);
const KEYS = "1234567890qwertyuiopasdfghjklzxcvbnm";
const COLOURS = ["#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#0072b2", "#d55e00", "#999999"];
const INKS = COLOURS.map((each) => each === "#0072b2" ? "#fff" : "#000");
const WHY = {
  random: "Drawn at random from the clips that are left: the accuracy on them is estimated from such clips.",
  centre: "Stands for one kind of movement in the data.",
  typical: "Stands for many clips without a label.",
  margin: "The recogniser hesitates between two classes.",
};
const AHEAD = 4, SPEED = 2, MOST = 12, ENOUGH = 5, TOGETHER = 1000, AGAIN = 3000;

let state = null;
let mode = "clips";
let queue = [];
let busy = Promise.resolve();
const known = new Map();
const pending = new Set();
const players = new Map();
let held = matchMedia("(prefers-reduced-motion: reduce)").matches;

/* Requests */

async function ask(path, content) {
  const request = content === undefined ? {} : {method: "POST", headers: {"content-type": "application/json"},
    body: JSON.stringify(content)};
  let answer;
  try {
    answer = await fetch(path, request);
  } catch {
    tell("The program does not answer. Start psp label again; nothing is lost.");
    throw new Error("no answer");
  }
  const type = answer.headers.get("content-type") || "";
  const found = type.startsWith("application/json") ? await answer.json() : {error: await answer.text()};
  if (!answer.ok) { tell(found.error); throw new Error(found.error); }
  return found;
}

/* A request that changes something; until one succeeds, the page shows why the last one did not. */
async function change(path, content) {
  const found = await ask(path, content);
  tell("");
  return found;
}

/* One request that changes something after the other, in the order of the keys. */
function inTurn(action) {
  busy = busy.then(action).catch(() => null);
  return busy;
}

async function clipsOf(names) {
  const missing = names.filter((name) => !known.has(name));
  if (missing.length) {
    for (const [name, clip] of Object.entries(await ask("/clips", {clips: missing}))) known.set(name, clip);
  }
  while (known.size > 200) known.delete(known.keys().next().value);
  return names.map((name) => known.get(name));
}

/* Building blocks */

function make(kind, facts = {}, ...parts) {
  const made = document.createElement(kind);
  for (const [name, value] of Object.entries(facts)) {
    if (name in made) made[name] = value; else made.setAttribute(name, value);
  }
  made.append(...parts);
  return made;
}

function tell(text) { $("message").textContent = text; $("message").hidden = !text; }
function say(text) { $("said").textContent = text; }
const percent = (share) => `${Math.round(share)} %`;
const classOf = (name) => state.classes.findIndex((each) => each.name === name);
const colourOf = (name) => COLOURS[classOf(name) % COLOURS.length];
const isDone = () => state.labelled + state.rejected >= state.clips;
const shownClasses = () => state.classes.filter((each) => each.shown);

async function play(element, name, options = {}) {
  element.dataset.wanted = name;
  const [clip] = await clipsOf([name]);
  if (!element.isConnected || element.dataset.wanted !== name) return;
  const player = players.get(element);
  if (player) { if (element.dataset.clip !== name) { player.resetView(); player.load(clip); } }
  else {
    players.set(element, PspPlayer.mount(element, {skeleton: state.skeleton, clip, speed: SPEED, keys: false,
      controls: false, label: "Clip of a skeleton", ...options}));
    playOrPause(players.get(element));
  }
  element.dataset.clip = name;
}

function playOrPause(player) { if (held) player.pause(); else player.play(); }

/* Pauses or plays all clips, those that are shown later too. */
function hold() {
  held = !held;
  clearTimeout(following);
  showHeld();
  for (const player of players.values()) playOrPause(player);
}

function showHeld() { $("hold").setAttribute("aria-pressed", String(held)); }

function stop(element) {
  const player = players.get(element);
  if (player) { player.destroy(); players.delete(element); }
  delete element.dataset.clip;
  delete element.dataset.wanted;
}

/* What is known of the labelling */

async function refresh() {
  const before = state ? state.round : null;
  state = await ask("/state");
  $("name").textContent = `Label ${state.name}`;
  $("labelled").textContent = state.labelled.toLocaleString("en");
  $("of").textContent = `of ${state.clips.toLocaleString("en")} clips labelled`;
  $("progress").value = state.labelled / Math.max(1, state.clips - state.rejected);
  showAccuracy();
  showTraining();
  showClasses();
  showRecent();
  showRecordings();
  const isNew = before !== null && state.round !== before;
  if (isNew) say("A new recogniser is trained.");
  if (mode === "recordings") await showRecording();
  else if (mode === "groups") { if (isNew && !group?.groups) await showGroup(); }
  else if (isNew || (!queue.length && !isDone())) await refill();
}

let waiting = false;

function refreshSoon() {
  if (waiting) return;
  waiting = true;
  inTurn(() => { waiting = false; return refresh(); });
}

function showAccuracy() {
  const found = state.accuracy;
  $("accuracy").replaceChildren();
  const missing = ENOUGH - (found ? found.clips : 0);
  if (missing > 0) {
    if (state.round) $("accuracy").append(`Accuracy: after ${missing} more random clips`);
    return;
  }
  const [low, high] = found.interval;
  $("accuracy").append("Accuracy on the clips that are left about ", make("strong", {}, percent(100 * found.hits / found.clips)),
    ` (${Math.round(low)}–${percent(high)}, from ${found.clips} random clips)`);
}

function showTraining() {
  const {state: now, message, round, lastSeconds} = state.training, left = state.untilTraining;
  const seconds = (count) => count < 90 ? `${Math.round(count)} s` : `${Math.round(count / 60)} min`;
  const last = lastSeconds === null ? "" : ` The last one took ${seconds(lastSeconds)}.`;
  let text = state.canTrain ? `The ${state.round ? "next" : "first"} training begins after ${left} more labels.`
    : "Training begins when two classes have labels.";
  if (now === "training") text = `Network ${round} is being trained.${last} Go on labelling.`;
  if (now === "training" && round === state.round) text = `Network ${round} is trained and is being evaluated.`;
  if (now === "failed") text = `Training failed: ${message} ${text}`;
  $("training").textContent = text;
  $("train").disabled = now === "training" || !state.canTrain;
  showGrowth();
}

/* The accuracy of each network with its interval, over the number of labels. */
function showGrowth() {
  const rounds = state.growth;
  $("growth").replaceChildren();
  if (!rounds.length) return;
  const [width, height, left, base] = [280, 132, 44, 104], most = Math.max(...rounds.map((each) => each.labels), 1);
  const svg = (kind, facts, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", kind);
    for (const [name, value] of Object.entries(facts)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const x = (labels) => left + 8 + (width - left - 24) * labels / most, y = (share) => base - (base - 10) * share / 100;
  const picture = svg("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", fill: "currentColor",
    "aria-label": `Accuracy of the networks: ${rounds.map((each) =>
      `${each.labels} labels, ${percent(100 * each.hits / each.clips)}`).join("; ")}`});
  for (const share of [0, 50, 100]) {
    picture.append(svg("line", {x1: left, x2: width, y1: y(share), y2: y(share), stroke: "currentColor", opacity: .25}),
      svg("text", {x: left - 5, y: y(share) + 4, "text-anchor": "end"}, `${share} %`));
  }
  for (const each of rounds) {
    const at = x(each.labels), share = 100 * each.hits / each.clips, [low, high] = each.interval;
    picture.append(svg("line", {x1: at, x2: at, y1: y(low), y2: y(high), stroke: "currentColor", "stroke-width": 2,
      opacity: .5}), svg("circle", {cx: at, cy: y(share), r: 4.5}),
      svg("text", {x: at, y: base + 14, "text-anchor": "middle"}, each.labels));
  }
  picture.append(svg("text", {x: (width + left) / 2, y: height - 1, "text-anchor": "middle"}, "labels"));
  $("growth").append(picture, make("small", {}, "Accuracy of each network on random clips of those that were left, with its 95 % interval."));
}

function showClasses() {
  const wanted = $("class").value.trim().toLowerCase(), current = suggestion(), buttons = $("classes").children;
  for (const [number, {name, count, shown}] of state.classes.entries()) {
    const button = buttons[number] || addClass(number), [, swatch, title, many] = button.children;
    button.hidden = !shown || !name.toLowerCase().includes(wanted);
    button.title = `${count} labelled`;
    button.classList.toggle("suggested", current === name);
    swatch.hidden = mode !== "recordings";
    swatch.style.background = colourOf(name);
    title.textContent = name;
    many.textContent = count;
  }
  $("answers").classList.toggle("first", !shownClasses().length);
  showOther();
}

function addClass(number) {
  const button = make("button", {type: "button"}, make("kbd", {hidden: !KEYS[number]}, KEYS[number] || ""),
    ...["swatch", "class-name", "count"].map((className) => make("span", {className})));
  button.addEventListener("click", () => answer(state.classes[number].name));
  $("classes").append(button);
  return button;
}

function showOther() {
  const text = $("class").value.trim(), found = matches(text);
  const isNew = text && !state.classes.some((each) => each.name === text);
  const hint = !text ? (shownClasses().length ? "" : "Type the name of the first class and press Enter.")
    : found.length ? `Enter: ${found[0]}${isNew ? `. Shift and Enter: the new class ${text}` : ""}`
      : `Enter: the new class ${text}`;
  $("other-hint").textContent = hint;
  $("new").hidden = !isNew || !found.length;
  $("new").textContent = `New class ${text}`;
}

function matches(text) {
  const wanted = text.toLowerCase(), names = shownClasses().map((each) => each.name);
  const exact = names.filter((name) => name.toLowerCase() === wanted);
  return exact.length ? exact : names.filter((name) => name.toLowerCase().includes(wanted));
}

function showRecent() {
  const acts = {skip: "later", reject: "not an action"};
  $("recent").replaceChildren(...state.recent.slice(0, 8).map((each) => {
    const many = each.clips.length > 1 ? ` × ${each.clips.length}` : "";
    const person = each.by === state.you ? "" : each.by.replace(/^.*, /, "") || each.how;
    const time = new Date(each.at).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit"});
    return make("li", {}, make("strong", {}, (each.label || acts[each.act] || each.act) + many),
      make("span", {}, person), make("span", {}, time));
  }));
  if (!state.recent.length) $("recent").append(make("li", {}, "none yet"));
}

/* Clip by clip */

/* Clips that are shown keep their places for as long as they are proposed. */
async function refill() {
  const found = await ask("/next", {count: Math.min(MOST, AHEAD + 1 + pending.size)});
  const places = new Map(queue.map((each, number) => [each.clip, number]));
  const place = ({clip}) => places.get(clip) ?? queue.length;
  queue = found.filter((each) => !pending.has(each.clip)).sort((one, other) => place(one) - place(other))
    .slice(0, AHEAD + 1);
  await showQueue();
}

/* Clips that were kept for another browser become free without an event. */
async function askAgain() {
  if (mode === "clips" && !queue.length && !isDone()) await refill().catch(() => null);
  setTimeout(askAgain, AGAIN);
}

async function showQueue() {
  const [first, ...rest] = queue;
  $("why").textContent = first ? WHY[first.how] || "" : isDone() ? "Every clip has a label." : "Waiting for clips …";
  showSuggestion();
  if (!first) { stop($("current")); $("ahead").replaceChildren(); return; }
  await play($("current"), first.clip, {controls: true});
  const small = $("ahead").children;
  while (small.length > rest.length) { stop($("ahead").lastChild.firstChild); $("ahead").lastChild.remove(); }
  while (small.length < rest.length) {
    const button = make("button", {type: "button"}, make("div"));
    button.addEventListener("click", () => bringForward([...$("ahead").children].indexOf(button)));
    $("ahead").append(button);
  }
  rest.forEach((each, number) => small[number].setAttribute("aria-label", `Clip ${number + 2}: label it first`));
  await Promise.all(rest.map((each, number) => play(small[number].firstChild, each.clip)));
}

function bringForward(number) {
  const [chosen] = queue.splice(number + 1, 1);
  queue.unshift(chosen);
  showQueue();
  showClasses();
}

function suggestion() {
  const found = mode === "clips" && queue[0] ? queue[0].suggestion : null;
  return found ? found[0] : null;
}

function showSuggestion() {
  const found = mode === "clips" && queue[0] && queue[0].suggestion;
  $("suggestion").hidden = !found;
  if (found) $("suggestion").replaceChildren(make("kbd", {}, "Enter"), " The recogniser says ",
    make("strong", {}, found[0]), `, with probability ${percent(100 * found[1])}.`);
}

async function settle(path, content, said) {
  const first = queue.shift();
  if (!first) return;
  pending.add(first.clip);
  const shown = showQueue();
  showClasses();
  await inTurn(async () => {
    const refused = await change(path, {clips: [first.clip], ...content}).then(() => say(said), (error) => error);
    pending.delete(first.clip);
    await shown;
    if (refused) { queue.unshift(first); await showQueue(); showClasses(); }
    if (!pending.size || queue.length < 2) await refill();
  });
}

function flash(name) {
  const button = $("classes").children[classOf(name)];
  if (!button) return;
  button.classList.add("given");
  setTimeout(() => button.classList.remove("given"), 350);
}

function answer(name) {
  $("class").value = "";
  if (mode === "recordings") labelStretch("/label", {label: name});
  else if (mode === "clips") settle("/label", {label: name}, `labelled ${name}`);
  flash(name);
}

function later() {
  if (mode === "groups") inTurn(() => { groupNumber++; return showGroup(); });
  else if (mode === "clips") settle("/skip", {}, "put off");
}

function reject() {
  if (mode === "recordings") labelStretch("/reject", {});
  else if (mode === "clips") settle("/reject", {}, "not an action");
}

function undo() {
  inTurn(async () => {
    const {undone} = await change("/undo", {});
    say(undone ? `withdrawn: ${undone.label || undone.act}` : "there is nothing to withdraw");
    await refresh();
    if (undone) queue = [];
    if (mode === "groups") await showGroup(); else if (mode === "clips") await refill();
    showClasses();
  });
}

/* Groups */

let groupNumber = 0, group = null, accepting = false;

async function showGroup() {
  group = await ask("/group", {number: groupNumber});
  for (const each of $("group").children) stop(each.firstChild);
  $("group").replaceChildren();
  $("group-actions").hidden = !group.groups;
  if (!group.groups) {
    $("group-title").textContent = state.round ? "There is no group of clips in which the recogniser is sure."
      : "Groups appear when a recogniser is trained: clips in which it is sure are then labelled together.";
    return;
  }
  $("group-title").replaceChildren("Do all of these show ", make("strong", {}, group.label),
    "? Click those that do not, then accept the rest.");
  for (const [number, name] of group.clips.entries()) {
    const mark = make("span", {className: "mark"});
    const button = make("button", {type: "button", "aria-pressed": "true"}, make("div"), mark);
    button.dataset.clip = name;
    button.addEventListener("click", () => toggle(button));
    $("group").append(button);
    markOf(button, number);
    play(button.firstChild, name);
  }
  countGroup();
}

function markOf(button, number) {
  const taken = button.getAttribute("aria-pressed") === "true";
  button.lastChild.textContent = `${KEYS[number]}  ${taken ? "✓ taken" : "✗ left out"}`;
  button.setAttribute("aria-label", `Clip ${number + 1}, ${taken ? "taken" : "left out"}`);
}

function toggle(button) {
  button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  markOf(button, [...$("group").children].indexOf(button));
  countGroup();
}

const taken = () => [...$("group").children].filter((each) => each.getAttribute("aria-pressed") === "true");

function countGroup() {
  if (!group?.groups) return;
  $("accept").lastElementChild.textContent = `Accept ${taken().length} as ${group.label}`;
  $("accept").disabled = accepting || !taken().length;
}

function acceptGroup() {
  const clips = taken().map((each) => each.dataset.clip), label = group.label;
  if (accepting || !clips.length) return;
  accepting = true;
  countGroup();
  inTurn(async () => {
    try {
      await change("/label", {clips, label, how: "group"});
      say(`${clips.length} clips labelled ${label}`);
    } finally {
      await refresh();
      await showGroup();
    }
  }).then(() => { accepting = false; countGroup(); });
}

/* Recordings: a cell for each window; a stretch of cells is chosen by dragging or with the arrow keys */

let recording = null, stretch = [0, 0], playing = 0, following = 0, dragging = false;

function showRecordings() {
  $("tab-recordings").hidden = !state.recordings.length;
  if ($("recording").options.length === state.recordings.length) return;
  $("recording").replaceChildren(...state.recordings.map((name, number) => make("option", {value: number}, name)));
}

/* Shows the labels of the recording; while a stretch is dragged they stay as they are. */
async function showRecording() {
  if (!state.recordings.length) return;
  const number = $("recording").value, found = await ask("/recording", {number: Number(number)});
  if (dragging || number !== $("recording").value) return;
  recording = found;
  const cells = $("timeline").children;
  if (cells.length !== recording.windows.length) {
    $("timeline").replaceChildren(...recording.windows.map((_, number) =>
      make("div", {role: "option", id: `window-${number}`, "data-number": number}, make("span"), make("i"))));
  }
  recording.windows.forEach((each, number) => showWindow(cells[number], each));
  if (players.has($("stretch"))) showStretch(); else setStretch(...stretch);
}

function showWindow(cell, {start, end, label, guess, rejected}) {
  const [own, recognised] = cell.children, colour = label ? colourOf(label) : "";
  own.textContent = rejected ? "✗" : (label || "").slice(0, 4);
  recognised.textContent = (guess || "").slice(0, 4);
  recognised.style.borderColor = guess ? colourOf(guess) : "";
  cell.style.background = colour;
  cell.style.color = label ? INKS[COLOURS.indexOf(colour)] : "";
  cell.title = `frames ${start}–${end}: ${rejected ? "not an action" : label || "no label"}` +
    (guess ? `; recognised: ${guess}` : "");
  cell.setAttribute("aria-label", cell.title);
}

const bounds = () => [Math.min(...stretch), Math.max(...stretch)];

function setStretch(first, last) {
  stretch = [first, last];
  [playing] = bounds();
  playWindow();
  const cell = $("timeline").children[last], {scrollTop, clientHeight} = $("timeline");
  if (cell) $("timeline").scrollTop = Math.max(cell.offsetTop + cell.offsetHeight - clientHeight,
    Math.min(scrollTop, cell.offsetTop));
}

function showStretch() {
  const [from, to] = bounds();
  for (const [number, cell] of [...$("timeline").children].entries()) {
    cell.setAttribute("aria-selected", String(number >= from && number <= to));
    cell.classList.toggle("playing", number === playing);
  }
  $("timeline").setAttribute("aria-activedescendant", `window-${stretch[1]}`);
  const first = recording.windows[from], last = recording.windows[to], count = to - from + 1;
  $("stretch-time").textContent = `Frames ${first.start} to ${last.end} of ${recording.frames}` +
    ` (${count} window${count > 1 ? "s" : ""})`;
}

async function playWindow(again = false) {
  if (mode !== "recordings" || !recording) return;
  showStretch();
  await play($("stretch"), recording.windows[playing].clip, {controls: true, loop: false, onEnd: () => {
    const [from, to] = bounds();
    playing = playing >= to ? from : playing + 1;
    following = setTimeout(playWindow, playing === from ? 450 : 0, true);
  }});
  if (again) players.get($("stretch"))?.play();
}

/* Labels the stretch as it is shown and goes on to the window after it, or back to it if the label is refused. */
function labelStretch(path, content) {
  if (!recording) return;
  const [from, to] = bounds(), {windows, seen} = recording, before = stretch;
  const next = Math.min(to + 1, windows.length - 1);
  const clips = windows.slice(from, to + 1).map((each) => each.clip);
  setStretch(next, next);
  const after = stretch;
  inTurn(async () => {
    try {
      for (let at = 0; at < clips.length; at += TOGETHER) {
        await change(path, {clips: clips.slice(at, at + TOGETHER), how: "timeline", seen, ...content});
      }
      say(`${clips.length} windows: ${content.label || "not an action"}`);
    } catch {
      if (stretch === after) setStretch(...before);
    } finally {
      await refresh();
    }
  });
}

function moveStretch(by, extend) {
  if (!recording) return;
  const at = Math.max(0, Math.min(recording.windows.length - 1, stretch[1] + by));
  setStretch(extend ? stretch[0] : at, at);
}

$("timeline").addEventListener("pointerdown", (event) => {
  const cell = event.target.closest("[data-number]");
  if (!cell) return;
  event.preventDefault();
  $("timeline").focus();
  const before = stretch;
  dragging = true;
  setStretch(Number(cell.dataset.number), Number(cell.dataset.number));
  const move = (now) => {
    const under = document.elementFromPoint(now.clientX, now.clientY)?.closest("[data-number]");
    if (under && Number(under.dataset.number) !== stretch[1]) setStretch(stretch[0], Number(under.dataset.number));
  };
  const end = ({type}) => {
    dragging = false;
    if (type === "pointercancel") setStretch(...before);  // a finger scrolls
    refreshSoon();
    document.removeEventListener("pointermove", move);
    document.removeEventListener("pointerup", end);
    document.removeEventListener("pointercancel", end);
  };
  document.addEventListener("pointermove", move);
  document.addEventListener("pointerup", end);
  document.addEventListener("pointercancel", end);
});
$("recording").addEventListener("change", () => {
  recording = null;
  [stretch, playing] = [[0, 0], 0];
  stop($("stretch"));
  $("timeline").replaceChildren();
  inTurn(showRecording);
});

/* Keys, tabs and buttons */

let byMouse = false;

/* After use with the mouse the keys are those of the page again, not those of the button, the slider or the list. */
document.addEventListener("click", (event) => { if (event.detail) event.target.closest("button")?.blur(); });
document.addEventListener("change", ({target}) => { if (byMouse) target.blur(); });
document.addEventListener("pointerdown", () => { byMouse = true; });
document.addEventListener("keydown", () => { byMouse = false; });

function choose(name) {
  mode = name;
  for (const each of ["clips", "groups", "recordings"]) {
    $(each).hidden = each !== name;
    $(`tab-${each}`).setAttribute("aria-selected", String(each === name));
  }
  $("answers").hidden = name === "groups";
  $("skip").hidden = name === "recordings";
  if (name !== "recordings") stop($("stretch"));
  $("question").textContent = name === "recordings" ? "What is the action of this stretch?" : "What is this action?";
  showClasses();
  showSuggestion();
  if (name === "groups") { groupNumber = 0; showGroup(); }
  if (name === "recordings") inTurn(showRecording);
  if (name === "clips") refill();
}

function train() { inTurn(async () => { await change("/train", {}); await refresh(); }); }

const TURNS = {ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, 0.12], ArrowDown: [0, -0.12]};
const COMMANDS = {" ": later, "-": reject, "−": reject, Backspace: undo, ".": train};

function turn(event) {
  if (mode === "recordings") moveStretch(["ArrowLeft", "ArrowUp"].includes(event.key) ? -1 : 1, event.shiftKey);
  else players.get($("current"))?.turn(...TURNS[event.key]);
}

function accept() {
  if (mode === "groups") acceptGroup();
  else if (suggestion()) answer(suggestion());
}

/* Whether a key belongs to an input method, whose Enter ends a composition; Safari tells only by the code 229. */
const isComposing = (event) => event.isComposing || event.keyCode === 229;

function onKey(event) {
  const inField = event.target.matches("#class, select"), key = event.key;
  if (event.ctrlKey || event.altKey || event.metaKey || isComposing(event) || $("keys").open || !state) return;
  if (inField) {
    if (key === "Escape") { event.target.value = event.target.matches("#class") ? "" : event.target.value;
      event.target.blur(); showClasses(); }
    return;
  }
  const number = KEYS.indexOf(key.toLowerCase()), onButton = event.target.matches("button, a");
  if (onButton && (key === " " || key === "Enter")) return;
  if (TURNS[key] && event.target.matches("[type=range]")) return;
  if (TURNS[key]) turn(event);
  else if (key === "+" || key === "/") $("class").focus();
  else if (key === "?") $("keys").showModal();
  else if (event.repeat) return;
  else if (COMMANDS[key]) COMMANDS[key]();
  else if (key === "Enter") accept();
  else if (key.length === 1 && number >= 0) byKey(number);
  else return;
  event.preventDefault();
}

function byKey(number) {
  if (mode === "groups") { const cell = $("group").children[number]; if (cell) toggle(cell); }
  else if (state.classes[number]?.shown) answer(state.classes[number].name);
}

document.addEventListener("keydown", onKey);
$("class").addEventListener("input", showClasses);
$("class").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !isComposing(event)) { event.preventDefault(); useTyped(event.shiftKey); }
});
$("other").addEventListener("submit", (event) => { event.preventDefault(); useTyped(false); });
$("new").addEventListener("click", () => useTyped(true));

function useTyped(asNew) {
  const text = $("class").value.trim(), found = matches(text);
  if (!text) return;
  $("class").blur();
  answer(asNew || !found.length ? text : found[0]);
}

for (const name of ["clips", "groups", "recordings"]) {
  $(`tab-${name}`).addEventListener("click", () => choose(name));
}
for (const [id, action] of Object.entries({skip: later, reject, undo, train, hold, accept: acceptGroup,
  "next-group": later, help: () => $("keys").showModal()})) {
  $(id).addEventListener("click", () => action());
}

async function begin() {
  history.replaceState(null, "", "/");
  showHeld();
  await refresh();
  let version = state.version;
  const events = new EventSource("/events");
  events.onmessage = (event) => {
    if (Number(event.data) !== version) { version = Number(event.data); refreshSoon(); }
  };
  events.onerror = () => tell("The program does not answer. Start psp label again; nothing is lost.");
  events.onopen = () => tell("");
  if (!state.labelled) $("keys").showModal();
  setTimeout(askAgain, AGAIN);
  await refill();
  showClasses();
}

begin();
