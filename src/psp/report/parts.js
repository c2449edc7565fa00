/* What the parts of a report share: sections, players with captions, galleries, the dialog. The JSON of the page is in
   the element "content". */
"use strict";
const PspParts = (() => {
  const {el, likelihood} = PspCharts;
  const content = JSON.parse(document.getElementById("content").textContent);
  const main = document.getElementById("main"), nav = document.getElementById("nav");
  const dialog = document.getElementById("dialog"), PAGE = 6;
  const state = {run: 0, level: null, players: new Set()};
  const run = () => content.runs[state.run];
  const data = () => content.data[run().data] || null;
  const clipOf = (index) => (data() ? data().clips[index] : null);
  const nameOf = (label) => (typeof label === "number" ? run().classes[label] : label || "not labelled");
  const quoted = (text) => `“${text}”`;

  function part(id, title, text, ...children) {
    const made = el("section", {id}, el("h2", {}, title), text ? el("p", {className: "note"}, text) : null, ...children);
    main.append(made);
    nav.append(el("a", {href: `#${id}`}, title));
    return made;
  }

  /* A player of a clip with a caption; joints are sized by the chosen level where the clip has values. */
  function figure(index, label, ...caption) {
    const screen = el("div"), clip = clipOf(index);
    if (clip) {
      const player = PspPlayer.mount(screen, {skeleton: data().skeleton, clip, label, values: values(clip)});
      state.players.add(player);
    } else screen.append(el("p", {className: "note"}, "This clip was left out to keep the page small."));
    return el("figure", {}, screen, el("figcaption", {}, ...caption));
  }

  const values = (clip) => (state.level && clip.values && clip.values[`${state.level}@${state.run}`]
    ? `${state.level}@${state.run}` : null);

  function verdict(label, chances) {
    if (!chances.length) return el("div", {className: "verdict"}, nameOf(label));
    const best = nameOf(chances[0][0]);
    if (label === "") return el("div", {className: "verdict"}, `not labelled, perhaps ${quoted(best)}`);
    return chances[0][0] === label
      ? el("div", {className: "verdict"}, el("span", {className: "right"}, "✓ "), nameOf(label))
      : el("div", {className: "verdict"}, el("span", {className: "wrong"}, "✗ "), nameOf(label),
        el("span", {className: "wrong"}, ` taken for ${quoted(best)}`));
  }

  function chance(name, share, isTrue) {
    return el("div", {className: isTrue ? "chance true" : "chance"}, el("span", {className: "name", title: name}, name),
      el("span", {className: "track"}, el("span", {className: "fill", style: {width: `${100 * share}%`}})),
      el("span", {className: "share"}, likelihood(share)));
  }

  function caption(number) {
    const [, id, label, chances] = run().examples[number];
    return [verdict(label, chances), ...chances.map(([each, share]) => chance(nameOf(each), share, each === label)),
      el("div", {className: "id"}, id)];
  }

  function example(number) {
    const [index, id, label] = run().examples[number];
    return figure(index, `${nameOf(label)}, clip ${id}`, ...caption(number));
  }

  function forget(node) {
    for (const screen of node.querySelectorAll(".psp-player")) {
      state.players.delete(screen.pspPlayer);
      screen.pspPlayer.destroy();
    }
    node.replaceChildren();
  }

  /* A grid of some figures with a button for more. */
  function gallery(items, make, most = PAGE) {
    const grid = el("div", {className: "grid"}), more = el("button", {type: "button", className: "plain"});
    let shown = 0;
    const show = () => {
      for (const item of items.slice(shown, shown + most)) grid.append(make(item));
      shown = Math.min(items.length, shown + most);
      more.textContent = `Show ${Math.min(most, items.length - shown)} more of ${items.length - shown}`;
      more.hidden = shown >= items.length;
    };
    more.addEventListener("click", show);
    show();
    return el("div", {}, grid, el("div", {className: "tools"}, more));
  }

  function openClips(title, numbers) {
    forget(dialog);
    const close = el("button", {type: "button", className: "plain", on: {click: () => dialog.close()}}, "Close");
    const rest = numbers.length ? gallery(numbers, example) : el("p", {}, "None of these clips is on this page.");
    dialog.append(el("header", {}, el("h2", {}, title), close), rest);
    dialog.showModal();
  }
  dialog.addEventListener("close", () => forget(dialog));

  function card({title, large, small}) {
    return el("div", {className: "card"}, el("h3", {}, title), el("div", {className: "large"}, large), el("p", {}, small));
  }

  function adviceCard(items) {
    const line = ({text, section, command}) => el("li", {}, section && document.getElementById(section) !== null
      ? el("a", {href: `#${section}`}, text) : text, command ? el("br") : null, command ? el("code", {}, command) : null);
    return el("div", {className: "card wide"}, el("h3", {}, "What to do next"), el("ol", {className: "advice"},
      ...items.map(line)));
  }

  function table(rows, header = true) {
    const line = (cells, kind) => el("tr", {}, ...cells.map((cell) => el(kind, {}, cell)));
    const [first, ...rest] = header ? rows : [null, ...rows];
    return el("div", {className: "scroll"}, el("table", {}, first ? el("thead", {}, line(first, "th")) : null,
      el("tbody", {}, ...rest.map((cells) => line(cells, "td")))));
  }

  function choice(label, options, act) {
    const group = el("span", {className: "choice", role: "group", "aria-label": label});
    group.append(...options.map(([value, text], n) => el("button", {type: "button", "aria-pressed": String(n === 0),
      on: {click: (event) => {
        for (const each of group.children) each.setAttribute("aria-pressed", String(each === event.currentTarget));
        act(value);
      }}}, text)));
    return group;
  }

  return {content, state, run, data, clipOf, nameOf, quoted, main, part, figure, chance, caption, example, values, forget,
    gallery, openClips, card, adviceCard, table, choice};
})();
