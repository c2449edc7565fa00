/* Skeleton player: draws clips of joints on a canvas. Plain JavaScript without a library; needs no network.

   It works under Content-Security-Policy "default-src 'none'": give this script and player.css a hash or a nonce.
   Texts that it is given are shown by textContent only. Clips and skeletons are written by psp/report/player.py:

   skeleton = {joints: [name], edges: [[joint, joint]], sides: [0 middle | 1 left | 2 right], centre: joint,
               head: joint | null, shoulders: [left, right] | null, up: "y" | "-y" | "z" | ..., channels: 2 | 3}
   clip = {shape: [persons, frames, joints, channels], bits: 16 | 8, scale, offset: [channels], data: base64,
           seconds, confidence: base64 of one byte, with 8 bits of one bit, a joint (left out if all were observed),
           values: {name: {low, high, perFrame, data: base64 of one byte a joint}}}

   const player = PspPlayer.mount(element, {skeleton, clip, ...options});  // also element.pspPlayer
     options            default  meaning
     autoplay           true     start at once; never where the reader prefers reduced motion
     loop               true     start again after the end
     speed              1        1 is the speed of the recording
     follow             "auto"   true: the view follows the persons; false: it stands still; "auto": if they walk far
     values             null     name of the values that give joints their size and colour
     controls           true     a bar with play, time and speed
     keys               true     arrow keys turn, space plays and pauses, comma and full stop step
     label              "Clip"   what a screen reader says of the picture
     onFrame(frame)     null     called after a frame was drawn
     onEnd()            null     called when a clip without loop has ended

   player.load(clip, skeleton?)  another clip, of another skeleton if one is given; the view is kept if it is the same
   player.play(), player.pause(), player.toggle(), player.playing
   player.seek(frame), player.frame, player.frames
   player.setSpeed(number), player.setLoop(boolean), player.setFollow(true | false | "auto")
   player.setValues(name | null | array of persons * joints numbers from 0 to 1)
   player.turn(yaw, pitch)       radians from where the view is; player.resetView() returns to the first one
   player.append(joints, confidence?)  a live frame: persons * joints * channels numbers in the coordinates of the
                                 skeleton, NaN where a joint was not observed; confidence is persons * joints numbers
   player.destroy()

   Colours are the custom properties --psp-left, --psp-right, --psp-middle, --psp-value-low, --psp-value-high,
   --psp-floor and --psp-ground of the element. The shared clock moves only players that are visible. */
"use strict";
const PspPlayer = (() => {
  const {axesOf, bytes, decode, facing, framing, joined, place} = PspFilm;
  const HOLD = 450, WINDOW = 150, PITCH = 0.16, SPEEDS = [0.25, 0.5, 1, 2, 4];
  const players = new Set();
  const visible = new IntersectionObserver((entries) => {
    for (const entry of entries) entry.target.pspPlayer.show(entry.isIntersecting);
  });
  const resized = new ResizeObserver((entries) => {
    for (const entry of entries) entry.target.pspPlayer.redraw();
  });
  let clock = 0, before = 0;

  function wake() {
    if (!clock) { before = performance.now(); clock = requestAnimationFrame(tick); }
  }

  function tick(now) {
    const passed = Math.min(now - before, 100);
    before = now;
    clock = 0;
    let runs = false;
    for (const player of players) runs = player.advance(passed) || runs;
    if (runs && !clock) clock = requestAnimationFrame(tick);
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const player of players) player.redraw(true);
  });

  class Player {
    constructor(element, options) {
      this.options = {autoplay: true, loop: true, speed: 1, follow: "auto", values: null, controls: true, keys: true,
        label: "Clip", onFrame: null, onEnd: null, ...options};
      this.element = element;
      element.pspPlayer = this;
      this.at = 0;
      this.view = {yaw: 0, pitch: PITCH};
      this.isVisible = false;
      this.playing = this.options.autoplay && !matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.build();
      players.add(this);
      if (this.options.skeleton) this.skeleton = this.options.skeleton;
      if (this.options.clip) this.load(this.options.clip);
    }

    build() {
      this.canvas = document.createElement("canvas");
      this.canvas.className = "psp-canvas";
      this.canvas.tabIndex = this.options.keys ? 0 : -1;
      this.canvas.setAttribute("role", "img");
      this.canvas.setAttribute("aria-label", this.options.keys
        ? `${this.options.label}. Arrow keys turn, space plays or pauses.` : this.options.label);
      this.canvas.pspPlayer = this;
      this.pen = this.canvas.getContext("2d");
      this.element.classList.add("psp-player");
      this.element.replaceChildren(this.canvas);
      if (this.options.controls) this.buildBar();
      if (this.options.keys) this.canvas.addEventListener("keydown", (event) => this.key(event));
      this.canvas.addEventListener("pointerdown", (event) => this.drag(event));
      this.canvas.addEventListener("dblclick", () => this.resetView());
      visible.observe(this.canvas);
      resized.observe(this.canvas);
    }

    buildBar() {
      const make = (kind, name, label) => {
        const made = document.createElement(kind);
        made.className = name;
        made.setAttribute("aria-label", label);
        if (kind === "button") made.type = "button";
        return made;
      };
      this.button = make("button", "psp-play", "Play or pause");
      this.range = make("input", "psp-time", "Frame");
      Object.assign(this.range, {type: "range", min: 0, step: "any", value: 0});
      this.pace = make("button", "psp-speed", "Speed");
      const bar = document.createElement("div");
      bar.className = "psp-bar";
      bar.append(this.button, this.range, this.pace);
      this.element.append(bar);
      this.button.addEventListener("click", () => this.toggle());
      this.range.addEventListener("input", () => { this.pause(); this.seek(Number(this.range.value)); });
      this.pace.addEventListener("click", () => {
        this.setSpeed(SPEEDS[(SPEEDS.indexOf(this.options.speed) + 1) % SPEEDS.length]);
      });
      this.setSpeed(this.options.speed);
      this.showPlaying();
    }

    load(clip, skeleton = this.skeleton) {
      const again = skeleton === this.skeleton && this.film;
      this.skeleton = skeleton;
      this.clip = clip;
      this.live = null;
      this.film = decode(clip, skeleton);
      this.frame3 = framing(this.film, skeleton, this.options.follow);
      this.start = {yaw: skeleton.channels === 3 ? facing(this.film, skeleton) : 0,
        pitch: skeleton.channels === 3 ? PITCH : 0};
      this.view = again && this.turned ? this.view : {...this.start};
      this.at = 0;
      if (this.range) this.range.max = this.film.frames - 1;
      this.setValues(this.options.values);
    }

    get frames() { return this.film ? this.film.frames : 0; }
    get frame() { return this.at; }
    get duration() { return Math.max(1, this.film.seconds * 1000); }

    play() {
      if (this.at >= this.frames - 1 && !this.options.loop) this.at = 0;
      this.playing = true;
      this.showPlaying();
      wake();
    }

    pause() { this.playing = false; this.rest = 0; this.showPlaying(); }
    toggle() { if (this.playing) this.pause(); else this.play(); }
    seek(frame) { this.at = Math.max(0, Math.min(this.frames - 1, frame)); this.redraw(); }
    setLoop(loop) { this.options.loop = loop; }

    setSpeed(speed) {
      this.options.speed = speed;
      if (this.pace) this.pace.textContent = `${speed}×`;
    }

    setFollow(follow) {
      this.options.follow = follow;
      if (this.film && !this.live) this.frame3 = framing(this.film, this.skeleton, follow);
      this.redraw();
    }

    setValues(values) {
      this.options.values = values;
      const found = typeof values === "string" ? (this.clip.values || {})[values] : null;
      const raw = found ? Float32Array.from(bytes(found.data), (each) => each / 255) : null;
      this.values = Array.isArray(values) ? values : raw;
      this.valuesPerFrame = Boolean(found && found.perFrame);
      this.redraw();
    }

    turn(yaw, pitch) {
      if (!this.skeleton || this.skeleton.channels === 2) return;
      this.turned = true;
      this.view.yaw += yaw;
      this.view.pitch = Math.max(-1.5, Math.min(1.5, this.view.pitch + pitch));
      this.redraw();
    }

    resetView() { this.turned = false; this.view = {...this.start}; this.redraw(); }

    append(joints, confidence = null) {
      const {channels, joints: names} = this.skeleton, count = names.length, persons = joints.length / count / channels;
      const points = new Float32Array(persons * count * 3), axes = axesOf(this.skeleton);
      const seen = new Uint8Array(persons * count);
      for (let i = 0; i < seen.length; i++) {
        const own = Array.from({length: channels}, (_, axis) => joints[i * channels + axis]);
        const known = own.every((each) => Number.isFinite(each));
        seen[i] = known ? Math.round(255 * (confidence ? confidence[i] : 1)) : 0;
        if (known) place(points, 3 * i, axes, channels, (axis) => own[axis]);
      }
      const begins = !this.live || this.live.persons !== persons;
      if (begins) this.live = {persons, kept: []};
      this.live.kept.push({points, seen});
      if (this.live.kept.length > WINDOW) this.live.kept.shift();
      this.film = joined(this.live.kept, persons, count);
      this.frame3 = framing(this.film, this.skeleton, this.options.follow);
      if (begins) {
        this.start = this.skeleton.channels === 3 ? {yaw: facing(this.film, this.skeleton), pitch: PITCH}
          : {yaw: 0, pitch: 0};
        if (!this.turned) this.view = {...this.start};
      }
      this.at = this.film.frames - 1;
      this.redraw();
    }

    destroy() {
      players.delete(this);
      visible.unobserve(this.canvas);
      resized.unobserve(this.canvas);
      this.element.replaceChildren();
    }

    key(event) {
      const turns = {ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, 0.12], ArrowDown: [0, -0.12]};
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (turns[event.key]) this.turn(...turns[event.key]);
      else if (event.key === " ") this.toggle();
      else if (event.key === ",") { this.pause(); this.seek(Math.ceil(this.at) - 1); }
      else if (event.key === ".") { this.pause(); this.seek(Math.floor(this.at) + 1); }
      else if (event.key === "Home") this.resetView();
      else return;
      event.preventDefault();
    }

    drag(event) {
      let [x, y] = [event.clientX, event.clientY];
      const move = (now) => {
        this.turn((now.clientX - x) / 90, event.pointerType === "touch" ? 0 : (now.clientY - y) / 140);
        [x, y] = [now.clientX, now.clientY];
      };
      const stop = () => {
        this.canvas.removeEventListener("pointermove", move);
        for (const name of ["pointerup", "pointercancel"]) this.canvas.removeEventListener(name, stop);
      };
      this.canvas.setPointerCapture(event.pointerId);
      this.canvas.addEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, stop);
    }

    show(isVisible) { this.isVisible = isVisible; this.redraw(); }

    redraw(recolour = false) {
      if (recolour) this.colours = null;
      this.dirty = true;
      wake();
    }

    showPlaying() { if (this.button) this.button.dataset.playing = String(this.playing); }

    /* Moves the clip on by milliseconds and draws it; returns whether the clock has to go on. Clips that are not visible
       stand still, but their first frame is drawn, so that a printed page shows it. */
    advance(passed) {
      if (!this.film || (this.drawn && !this.isVisible)) return false;
      const runs = this.isVisible && this.playing && !this.live && this.frames > 1;
      if (runs) this.step(passed * this.options.speed);
      if (runs || this.dirty) {
        PspDraw.draw(this);
        this.dirty = false;
        this.drawn = this.canvas.clientWidth > 0;
      }
      return runs;
    }

    step(passed) {
      const last = this.frames - 1;
      if (this.at < last) {
        this.at = Math.min(last, this.at + passed * last / this.duration);
        this.rest = 0;
      } else if (!this.options.loop) {
        this.pause();
        if (this.options.onEnd) this.options.onEnd();
      } else {
        this.rest = (this.rest || 0) + passed / this.options.speed;
        if (this.rest > HOLD) { this.at = 0; this.rest = 0; }
      }
      if (this.range) this.range.value = this.at;
    }
  }

  return {mount: (element, options = {}) => new Player(element, options)};
})();
