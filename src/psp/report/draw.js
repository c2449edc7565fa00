/* Drawing of one frame of the skeleton player: floor, bones from far to near, joints sized by a value. */
"use strict";
const PspDraw = (() => {
  const DEFAULTS = {left: "#0072b2", right: "#d55e00", middle: "#444444", "value-low": "#cfd6dd",
    "value-high": "#b3005e", floor: "#dddddd", ground: "#ffffff"};
  const MARGIN = 0.9, SMALLEST = 0.006, LARGEST = 0.035, HEAD = 0.055;

  function coloursOf(player) {
    if (!player.colours) {
      const style = getComputedStyle(player.element);
      player.colours = Object.fromEntries(Object.entries(DEFAULTS).map(([name, value]) =>
        [name, style.getPropertyValue(`--psp-${name}`).trim() || value]));
      player.ramp = ramp(player.colours["value-low"], player.colours["value-high"]);
    }
    return player.colours;
  }

  /* Sixteen colours from one "#rrggbb" to another. */
  function ramp(low, high) {
    const parts = [low, high].map((each) => [1, 3, 5].map((at) => parseInt(each.slice(at, at + 2), 16)));
    return Array.from({length: 16}, (_, n) => {
      const mixed = parts[0].map((each, k) => Math.round(each + (parts[1][k] - each) * n / 15));
      return `rgb(${mixed.join(",")})`;
    });
  }

  function draw(player) {
    const {canvas, pen, film} = player, scale = Math.min(devicePixelRatio || 1, 2);
    const width = Math.round(canvas.clientWidth * scale), height = Math.round(canvas.clientHeight * scale);
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
    const colours = coloursOf(player);
    pen.clearRect(0, 0, width, height);
    const now = Math.max(0, Math.min(player.at, film.frames - 1));
    const view = viewOf(player, now, width, height);
    if (player.skeleton.channels === 3 && player.options.floor !== false) drawFloor(pen, view, colours, scale);
    for (const pose of posesAt(player, now, view)) drawPerson(player, pose, view, colours);
    if (player.options.onFrame) player.options.onFrame(now);
  }

  /* The projection from joints to pixels: focus, turn, and pixels per unit. */
  function viewOf(player, now, width, height) {
    const {focus, middle, floor, wide, tall, height: size} = player.frame3, t = Math.floor(now);
    const next = Math.min(t + 1, focus.length - 1), rest = now - t;
    const at = [0, 1].map((k) => focus[t][k] * (1 - rest) + focus[next][k] * rest);
    const {yaw, pitch} = player.view, tilt = Math.abs(Math.sin(pitch));
    const up = tall * Math.cos(pitch) + wide * tilt, unit = MARGIN * Math.min(width / 2 / wide, height / 2 / up);
    const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
    const project = (x, y, z) => {
      const [dx, dy, dz] = [x - at[0], y - middle, z - at[1]], side = dx * cy + dz * sy, near = dz * cy - dx * sy;
      return [width / 2 + unit * side, height / 2 - unit * (dy * cp - near * sp), near * cp + dy * sp];
    };
    return {project, unit, at, floor, size, wide, line: Math.min(width, height)};
  }

  function drawFloor(pen, view, colours, scale) {
    const step = view.size / 4, radius = Math.max(view.wide, view.size / 2) * 1.05;
    pen.strokeStyle = colours.floor;
    pen.lineWidth = scale;
    pen.beginPath();
    for (const across of [0, 1]) {
      const middle = view.at[across], first = Math.ceil((middle - radius) / step);
      for (let n = first; n * step < middle + radius; n++) {
        const half = Math.sqrt(Math.max(0, radius ** 2 - (n * step - middle) ** 2)), other = view.at[1 - across];
        for (const [sign, go] of [[-1, "moveTo"], [1, "lineTo"]]) {
          const along = other + sign * half;
          pen[go](...(across ? view.project(along, view.floor, n * step) : view.project(n * step, view.floor, along)));
        }
      }
    }
    pen.stroke();
  }

  /* The persons of a moment between two frames, the farthest first; joints that were never observed are null. */
  function posesAt(player, now, view) {
    const {persons, frames, joints, points, seen} = player.film, t = Math.floor(now), rest = now - t;
    const poses = [];
    for (let m = 0; m < persons; m++) {
      const from = (m * frames + t) * joints, to = (m * frames + Math.min(t + 1, frames - 1)) * joints;
      const pose = {person: m, t, joints: [], depth: 0, seen: seen.subarray(from, from + joints)};
      if (!pose.seen.some((each) => each)) continue;
      for (let v = 0; v < joints; v++) {
        const [one, other] = [3 * (from + v), 3 * (to + v)], share = seen[to + v] ? rest : 0;
        const place = [0, 1, 2].map((k) => points[one + k] * (1 - share) + points[other + k] * share);
        pose.joints.push(pose.seen[v] ? view.project(...place) : null);
        if (pose.seen[v]) pose.depth += place[2];
      }
      pose.depth = pose.joints.reduce((sum, each) => sum + (each ? each[2] : 0), 0) / joints;
      poses.push(pose);
    }
    return poses.sort((one, other) => one.depth - other.depth);
  }

  function drawPerson(player, pose, view, colours) {
    const {pen, skeleton} = player, {sides, edges, head} = skeleton, at = pose.joints;
    const names = [colours.middle, colours.left, colours.right], thick = Math.max(2, view.line * 0.017);
    const bones = edges.filter(([one, other]) => at[one] && at[other])
      .sort((a, b) => at[a[0]][2] + at[a[1]][2] - at[b[0]][2] - at[b[1]][2]);
    for (const [one, other] of bones) {
      pen.globalAlpha = 1;
      pen.lineCap = "butt";
      stroke(pen, at[one], at[other], colours.ground, thick * 1.9);
      pen.lineCap = "round";
      pen.globalAlpha = 0.35 + 0.65 * Math.min(pose.seen[one], pose.seen[other]) / 255;
      stroke(pen, at[one], at[other], names[sides[one] || sides[other]], thick);
    }
    pen.globalAlpha = player.values ? 0.3 : 1;
    if (head !== null && at[head]) dot(pen, at[head], HEAD * view.size * view.unit, colours.middle);
    pen.globalAlpha = 1;
    if (player.values) drawValues(player, pose, view);
    else for (let v = 0; v < at.length; v++) if (at[v]) dot(pen, at[v], thick * 0.62, names[sides[v]]);
  }

  function drawValues(player, pose, view) {
    const {pen, values, ramp, film} = player, count = pose.joints.length;
    const from = (player.valuesPerFrame ? pose.person * film.frames + pose.t : pose.person) * count;
    const order = Array.from(pose.joints.keys()).filter((v) => pose.joints[v])
      .sort((one, other) => pose.joints[one][2] - pose.joints[other][2]);
    for (const v of order) {
      const share = Math.max(0, Math.min(1, values[from + v] ?? 0));
      const size = Math.sqrt(SMALLEST ** 2 + share * (LARGEST ** 2 - SMALLEST ** 2)) * view.line;
      dot(pen, pose.joints[v], Math.max(1.5, size), ramp[Math.round(15 * share)], player.colours.ground);
    }
  }

  function stroke(pen, from, to, colour, width) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    pen.moveTo(from[0], from[1]);
    pen.lineTo(to[0], to[1]);
    pen.stroke();
  }

  function dot(pen, at, radius, colour, rim = null) {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.arc(at[0], at[1], radius, 0, 7);
    pen.fill();
    if (rim) {
      pen.strokeStyle = rim;
      pen.lineWidth = Math.max(1, radius / 8);
      pen.stroke();
    }
  }

  return {draw};
})();
