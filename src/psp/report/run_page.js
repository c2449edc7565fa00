/* The parts of the page of a run, or of several runs that are compared. */
"use strict";
const PspRunPage = (() => {
  const {el, percent, scale, classBars, countBars, matrix, curves, map} = PspCharts;
  const {content, state, run, data, clipOf, quoted, main, part, figure, chance, caption, example, values, forget, gallery,
    openClips, card, adviceCard, table, choice} = PspParts;

  const judged = () => run().examples.slice(0, run().judged);
  const found = (fits) => judged().map((each, number) => (fits(each) ? number : -1)).filter((number) => number >= 0);

  function openCell(i, j) {
    const [one, other] = [quoted(run().classes[i]), quoted(run().classes[j])];
    const numbers = found(([, , label, chances]) => label === i && chances[0] && chances[0][0] === j);
    openClips(i === j ? `${one}, recognised: ${numbers.length} clips` : `${one} taken for ${other}: ${numbers.length} clips`,
      numbers);
  }

  function openClass(name) {
    const own = run().classes.indexOf(name);
    const numbers = found(([, , label, chances]) => label === own && chances[0] && chances[0][0] !== own);
    openClips(numbers.length ? `Mistakes with ${quoted(name)}: ${numbers.length} clips` : `No mistake with ${quoted(name)}`,
      numbers);
  }

  function accuracyCard(known) {
    if (!known.accuracy) {
      return el("div", {className: "card main"}, el("h3", {}, "Accuracy"), el("div", {className: "large"}, "not known"),
        el("p", {}, known.judged === undefined ? "The training is not finished." : "There are no test clips."));
    }
    const {top1, top5, interval: [low, high], clips} = known.accuracy, sure = known.calibration;
    const many = known.classes.length > 5 && top5 !== undefined;
    return el("div", {className: "card main"}, el("h3", {}, known.estimated ? "Accuracy, estimated" : "Accuracy"),
      el("div", {className: "large huge"}, `${top1.toFixed(1)} %`), scale(top1, [low, high]),
      el("p", {}, `95 % interval ${low.toFixed(1)} to ${high.toFixed(1)} %, from ${clips.toLocaleString("en")} `
        + `${known.estimated ? "labelled clips, each judged by a model that was not trained on it" : "test clips"}`
        + `${many ? `; right among the first five: ${top5.toFixed(1)} %` : ""}. `
        + `Guessing reaches ${percent(1 / known.classes.length, 1)}.`
        + (sure ? ` The probabilities are ${sure.confidence.toFixed(1)} % on average (calibration error `
          + `${sure.error.toFixed(1)} %).` : "")));
  }

  const titled = (name) => (name === "accuracy" ? "accuracy on training batches" : name);

  function comparison(rebuild) {
    const {accuracies, paired, costs, settings} = content.comparison;
    const row = ({name, top1, interval, note}) => el("tr", {}, el("td", {}, name), el("td", {className: "number"},
      top1 === null ? "–" : `${top1.toFixed(1)} %`), el("td", {className: "axis"}, top1 === null ? note : scale(top1, interval)),
      el("td", {className: "number"}, top1 === null ? "" : `${interval[0].toFixed(1)} to ${interval[1].toFixed(1)}`));
    part("comparison", "Comparison", "Accuracy of every run with its 95 % interval.", el("div", {className: "scroll"},
      el("table", {className: "dots"}, el("thead", {}, el("tr", {}, el("th", {}, "run"), el("th", {}, "accuracy"),
        el("th", {className: "axis"}, el("span", {className: "ends"}, el("span", {}, "0 %"), el("span", {}, "100 %"))),
        el("th", {}, "interval"))), el("tbody", {}, ...accuracies.map(row)))),
      paired.length ? el("h3", {}, `Difference to ${quoted(content.runs[0].name)}, the same clips and labels`) : null,
      paired.length ? table(paired) : null, el("h3", {}, "All measurements"), table(content.comparison.measures),
      el("h3", {}, "Labels, size, time"), table(costs), el("h3", {}, "Settings that differ"), table(settings));
    const names = [...new Set(content.runs.flatMap((each) => each.curves.map((curve) => curve.name)))].slice(0, 6);
    part("training", "Learning curves", "", el("div", {className: "curves"}, ...names.map((name) => curves(titled(name),
      content.runs.flatMap((each) => each.curves.filter((curve) => curve.name === name)
        .map((curve) => ({name: each.name, points: curve.points})))))));
    const picker = el("select", {on: {change: () => { state.run = picker.selectedIndex; rebuild(); }}},
      ...content.runs.map((each, n) => el("option", {selected: n === state.run}, each.name)));
    main.append(el("p", {className: "tools"}, el("label", {}, "The following is of the run ", picker)));
  }

  function clips() {
    const known = run(), kinds = [["mistakes", "Most confident mistakes"], ["unsure", "Least certain"], ["right", "Right"]]
      .filter(([kind]) => (known.groups[kind] || []).length);
    if (!kinds.length) return;
    const place = el("div"), show = (kind) => { forget(place); place.append(gallery(known.groups[kind], example)); };
    const tools = el("div", {className: "tools"}, choice("Clips", kinds, show));
    if (known.levels.length) {
      tools.append(el("span", {}, "Joints sized by attention of", choice("Attention", [[null, "nothing"],
        ...known.levels.map((level) => [level, level === "body" ? "bodies" : `${level}s`])], (level) => {
        state.level = level;
        for (const player of state.players) player.setValues(values(player.clip));
      })));
    }
    part("clips", "Clips", "Each clip plays in a loop: drag it or use the arrow keys to turn it. Blue is the left side, "
      + "orange the right. Attention says how much each body, part or joint counts for the network (row mean of its map).",
    tools, place);
    show(kinds[0][0]);
  }

  function checks() {
    const {suspects = [], copies = [], found = {}} = run();
    const first = (shown, all) => shown.length < all ? ` The first ${shown.length} of ${all} are shown.` : "";
    if (suspects.length) {
      part("suspects", "Labels that may be wrong", "Labelled training clips in which the network finds another class far "
        + "more probable. Look at each before changing its label: rare forms of an action are named too."
        + first(suspects, found.suspects),
      gallery(suspects, (each) => figure(each.clip, `clip ${each.id}`, el("div", {className: "verdict"},
        `labelled ${quoted(each.label)}, perhaps ${quoted(each.likely)}`), chance(each.likely, each.probability, false),
      chance(each.label, each.probability_of_label, false), el("div", {className: "id"}, each.id))));
    }
    if (copies.length) {
      part("copies", "Copies of test clips in the training part", "Each pair shows the same recording twice. The accuracy "
        + "is too high by what these clips bring: leave them out of the test set." + first(copies, found.copies),
      gallery(copies, (pair) => el("div", {className: "pair"},
        figure(pair.test, "test clip", el("div", {className: "verdict"}, "test"),
          el("div", {className: "id"}, pair.ids[0])),
        figure(pair.train, "training clip", el("div", {className: "verdict"}, "training"),
          el("div", {className: "id"}, pair.ids[1])))));
    }
  }

  function atlas() {
    const known = run();
    if (!known.map) return;
    const screen = el("div"), text = el("figcaption", {}, "Point at a marker, tap it, or use the arrow keys.");
    let player = null;
    const drawn = map(known.map, known.examples, known.classes, (_, number) => {
      const clip = clipOf(known.examples[number][0]);
      text.replaceChildren(...caption(number));
      if (!clip) return;
      if (player) player.load(clip);
      else player = PspPlayer.mount(screen, {skeleton: data().skeleton, clip, label: "Clip of the map"});
    });
    part("map", "Map of the clips", "Clips that the network sees as similar are near each other (t-SNE of its features; "
      + "the axes have no meaning). Outlined markers are mistakes. Press names to see their classes alone.",
    el("div", {className: "map"}, el("div", {}, drawn.picture, drawn.legend), el("figure", {}, screen, text)));
    drawn.choose(0);
  }

  function labelBudget() {
    const {labels} = run();
    if (!labels) return;
    const total = labels.counts.reduce((n, each) => n + each[1], 0);
    const gain = labels.gain && el("p", {}, `A simple classifier recognises ${labels.gain.accuracies.map((each, n) =>
      `${each.toFixed(0)} % with ${labels.gain.labels[n]}`).join(", ")} labels (cross-validated on the labels that exist).`);
    part("labels", "Label budget", `${total} of ${labels.train.toLocaleString("en")} training clips have a label that was `
      + `used (${labels.spec}).`, gain, el("details", {open: labels.counts.length <= 12}, el("summary", {}, "By class"),
      countBars(labels.counts, null)));
  }

  function facts() {
    const known = run();
    if (content.runs.length === 1 && known.curves.length) {
      part("training", "Learning curves", "Over the steps of training.", el("div", {className: "curves"},
        ...known.curves.slice(0, 8).map((curve) => curves(titled(curve.name), [curve]))));
    }
    labelBudget();
    part("configuration", "Configuration, versions, hashes", "", el("details", {}, el("summary", {}, "All settings"),
      table(known.settings, false)), el("details", {}, el("summary", {}, "Versions"), table(known.versions, false)));
  }

  /* The most frequent confusions as a list. */
  function confusions({confusion, classes}, most = 12) {
    const pairs = confusion.flatMap((row, i) => row.map((count, j) => ({i, j, count,
      of: row.reduce((sum, each) => sum + each, 0)}))).filter(({i, j, count}) => i !== j && count > 0)
      .sort((a, b) => b.count - a.count).slice(0, most);
    if (!pairs.length) return el("p", {}, "There is no mistake.");
    return el("div", {}, el("h3", {}, "Most frequent"), ...pairs.map(({i, j, count, of}) => el("button",
      {className: "line", type: "button", on: {click: () => openCell(i, j)}}, el("span", {},
        `${classes[i]} taken for ${classes[j]}`), el("span", {className: "count"}, `${count} of ${of}`))));
  }

  function show(rebuild) {
    const known = run();
    if (content.comparison) comparison(rebuild);
    const top = part("summary", content.runs.length > 1 ? known.name : "Summary", "", el("div", {className: "cards"},
      ...known.cards.map(card), accuracyCard(known)));
    if (known.note) top.append(el("p", {className: "note"}, `Clips are left out: ${known.note}`));
    if (known.accuracy) {
      const order = [...known.perClass].sort((a, b) => a.right / a.clips - b.right / b.clips || b.clips - a.clips);
      part("classes", "Accuracy by class", "The share of the clips of each class that was recognised, the lowest first, "
        + "with its 95 % interval. Press a class to see its mistakes.", classBars(order, openClass));
      part("confusion", "Confusion", "Rows are the true classes, columns what was recognised. Press a number to see its "
        + "clips; arrow keys move.", el("div", {className: "beside"}, el("div", {className: "scroll"},
        matrix(known.confusion, known.classes, openCell)), confusions(known)));
    }
    if (known.examples) {
      clips();
      checks();
      atlas();
    }
    facts();
    top.querySelector(".cards").append(adviceCard(known.advice));
  }

  return {show};
})();
