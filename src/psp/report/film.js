/* Clips of the skeleton player: decoding, where the view looks at, and from which side. */
"use strict";
const PspFilm = (() => {
  const AXES = {  // the axes (number, sign) that point to the right, up and towards the reader
    x: [[1, 1], [0, 1], [2, -1]], "-x": [[1, -1], [0, -1], [2, -1]], y: [[0, -1], [1, 1], [2, -1]],
    "-y": [[0, 1], [1, -1], [2, -1]], z: [[0, 1], [2, 1], [1, -1]], "-z": [[0, 1], [2, -1], [1, 1]],
  };
  const SLANT = 0.4;  // radians by which a person turns away from facing the reader, which shows depth

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  /* The joints of a clip in the directions right, up and towards the reader, and which of them were observed. */
  function decode(clip, skeleton) {
    const [persons, frames, joints, channels] = clip.shape;
    const packed = bytes(clip.data), numbers = clip.bits === 16 ? new Int16Array(packed.buffer) : packed;
    const points = new Float32Array(persons * frames * joints * 3), axes = axesOf(skeleton);
    for (let i = 0, at = 0; at < points.length; i += channels, at += 3) place(points, at, axes, channels, (axis) =>
      numbers[i + axis] * clip.scale + clip.offset[axis]);
    const seen = observed(clip, persons * frames * joints);
    return {persons, frames, joints, points, seen, seconds: clip.seconds};
  }

  function observed(clip, count) {
    const known = clip.confidence && bytes(clip.confidence);
    if (known && clip.bits === 16) return known;
    return Uint8Array.from({length: count}, (_, i) => known ? 255 * (known[i >> 3] >> (7 - i % 8) & 1) : 255);
  }

  function axesOf(skeleton) {
    const flat = skeleton.channels === 2, known = AXES[skeleton.up];
    if (flat) return [[0, 1], [1, skeleton.up === "y" ? 1 : -1], [2, 1]];
    return known || AXES.y;
  }

  function place(points, at, axes, channels, value) {
    for (let k = 0; k < 3; k++) points[at + k] = axes[k][0] < channels ? axes[k][1] * value(axes[k][0]) : 0;
  }

  /* Where the view looks at in every frame, and how far joints are from there. */
  function framing(film, skeleton, follow) {
    const {persons, frames, joints, points, seen} = film, path = [], low = [1e9, 1e9, 1e9], high = [-1e9, -1e9, -1e9];
    for (let t = 0; t < frames; t++) {
      const sum = [0, 0];
      let count = 0;
      for (let m = 0; m < persons; m++) {
        const at = (m * frames + t) * joints;
        let mine = 0, x = 0, z = 0;
        for (let v = 0; v < joints; v++) {
          if (!seen[at + v]) continue;
          mine++;
          x += points[3 * (at + v)];
          z += points[3 * (at + v) + 2];
          for (let k = 0; k < 3; k++) {
            low[k] = Math.min(low[k], points[3 * (at + v) + k]);
            high[k] = Math.max(high[k], points[3 * (at + v) + k]);
          }
        }
        if (mine) { sum[0] += x / mine; sum[1] += z / mine; count++; }
      }
      path.push(count ? [sum[0] / count, sum[1] / count] : path[t - 1] || null);
    }
    const first = path.find((each) => each) || [0, 0], known = path.map((each) => each || first);
    const height = Math.max(high[1] - low[1], 1e-6);
    const walked = Math.hypot(...[0, 1].map((k) => spread(known.map((each) => each[k]))));
    const moves = follow === true || (follow === "auto" && walked > 0.6 * height);
    const still = [(low[0] + high[0]) / 2, (low[2] + high[2]) / 2];
    const focus = moves ? smooth(known) : known.map(() => still);
    return {focus, middle: (low[1] + high[1]) / 2, floor: low[1], height, ...reach(film, focus, height)};
  }

  const spread = (values) => Math.max(...values) - Math.min(...values);

  function smooth(path) {
    const half = Math.max(2, Math.round(path.length / 8));
    return path.map((_, t) => {
      const part = path.slice(Math.max(0, t - half), t + half + 1);
      return [0, 1].map((k) => part.reduce((sum, each) => sum + each[k], 0) / part.length);
    });
  }

  function reach(film, focus, height) {
    const {frames, joints, points, seen} = film;
    let wide = height / 4;
    for (let i = 0; i < seen.length; i++) {
      const at = focus[Math.floor(i / joints) % frames];
      if (seen[i]) wide = Math.max(wide, Math.hypot(points[3 * i] - at[0], points[3 * i + 2] - at[1]));
    }
    return {wide, tall: height / 2};
  }

  /* The angle from which the first person faces the reader, or two persons stand side by side. */
  function facing(film, skeleton) {
    const {persons, frames, joints, points, seen} = film, sum = [0, 0];
    const pair = (m, v, n, w) => {
      for (let t = 0; t < frames; t++) {
        const one = (m * frames + t) * joints + v, other = (n * frames + t) * joints + w;
        if (seen[one] && seen[other]) {
          sum[0] += points[3 * one] - points[3 * other];
          sum[1] += points[3 * one + 2] - points[3 * other + 2];
        }
      }
    };
    if (persons > 1) pair(1, skeleton.centre, 0, skeleton.centre);
    const together = persons > 1 && Math.hypot(...sum) > 0;
    if (!together && skeleton.shoulders) pair(0, skeleton.shoulders[0], 0, skeleton.shoulders[1]);
    const known = Math.hypot(...sum) > 0;
    return known ? Math.atan2(sum[1], sum[0]) + (together ? 0 : SLANT) : SLANT;
  }

  /* Live frames as one film. */
  function joined(kept, persons, joints) {
    const frames = kept.length, size = persons * frames * joints;
    const film = {persons, frames, joints, points: new Float32Array(3 * size), seen: new Uint8Array(size), seconds: 1};
    kept.forEach(({points, seen}, t) => {
      for (let m = 0; m < persons; m++) {
        film.points.set(points.subarray(3 * m * joints, 3 * (m + 1) * joints), 3 * (m * frames + t) * joints);
        film.seen.set(seen.subarray(m * joints, (m + 1) * joints), (m * frames + t) * joints);
      }
    });
    return film;
  }

  return {axesOf, bytes, decode, facing, framing, joined, place};
})();
