/* The live page: draws every frame that the server sends, and the classes recognised in the latest window.
   Texts from the server are shown by textContent only. */
"use strict";

const $ = (id) => document.getElementById(id);
const STATES = {waiting: "Waiting for frames", running: "Running", ended: "The recording has ended",
  failed: "Stopped"};
const PAST = 8, SHORTEST = 0.3, CALM = 1000;

let player = null, skeleton = null, best = null, since = null, source = "", later = 0;

function make(kind, className, ...parts) {
  const made = document.createElement(kind);
  made.className = className;
  made.append(...parts);
  return made;
}

const percent = (share) => `${Math.round(100 * share)} %`;

function show(news) {
  for (const frame of news.frames) {
    if (frame.begins) renew();
    if (player.frames || frame.joints.some((each) => each !== null)) player.append(frame.joints);
  }
  const last = news.frames.at(-1);
  if (last) {
    source = last.source;
    if (last.ranked) showAnswer(last);
    $("speed").textContent = `${last.milliseconds.toFixed(1)} ms a frame`;
  }
  const text = `${STATES[news.state]}${source && `: ${source}`}${news.message && `. ${news.message}`}`;
  showState(text, news.state === "waiting" ? CALM : 0);
}

/* Screen readers read every change of the state, so that it waits out the pauses between frames. */
function showState(text, delay = 0) {
  clearTimeout(later);
  later = setTimeout(() => { if ($("state").textContent !== text) $("state").textContent = text; }, delay);
}

function renew() {
  if (player) player.destroy();
  player = PspPlayer.mount($("player"), {skeleton, controls: false, label: "Live skeleton"});
}

function showAnswer({ranked}) {
  const [name, share] = ranked[0] || ["nobody is seen", null];
  if (name !== best) {
    remember();
    [best, since] = [name, new Date()];
    $("answer").textContent = name;
  }
  $("sure").textContent = share === null ? "" : `probability ${percent(share)}`;
  $("classes").replaceChildren(...ranked.map(([each, its]) => {
    const bar = document.createElement("progress");
    Object.assign(bar, {max: 1, value: its});
    bar.setAttribute("aria-label", each);
    return make("li", "", make("span", "name", each), make("span", "share", percent(its)), bar);
  }));
}

function remember() {
  if (best === null) return;
  const seconds = (new Date() - since) / 1000;
  if (seconds < SHORTEST) return;
  $("past").prepend(make("li", "", make("strong", "", best), make("span", "", `${seconds.toFixed(1)} s`)));
  while ($("past").children.length > PAST) $("past").lastChild.remove();
}

async function begin() {
  history.replaceState(null, "", "/");
  const facts = await (await fetch("/facts")).json();
  skeleton = facts.skeleton;
  $("title").textContent = `Live: ${facts.title}`;
  renew();
  const events = new EventSource("/events");
  events.onmessage = (event) => show(JSON.parse(event.data));
  events.onerror = () => showState("The program does not answer. Start psp live again.");
}

begin();
