/* The parts of the page of a data set. */
"use strict";
const PspStorePage = (() => {
  const {el, countBars} = PspCharts;
  const {content, run, nameOf, quoted, part, figure, example, gallery, openClips, card, adviceCard, table} = PspParts;

  function show() {
    const {store} = content;
    const top = part("summary", "Summary", "", el("div", {className: "cards"}, ...store.cards.map(card)));
    const open = (name) => openClips(`Clips of ${quoted(name)}`, run().examples.map((each, n) =>
      (nameOf(each[2]) === name ? n : -1)).filter((n) => n >= 0));
    part("classes", "Classes", "The number of labelled clips of each class. Press a class to see some.",
      countBars(store.counts, open));
    const all = run().examples.map((_, n) => n), step = Math.max(1, Math.floor(all.length / 24));
    part("clips", "Clips", "Some clips of every class. Each plays in a loop: drag it or use the arrow keys to turn it. "
      + "Blue is the left side, orange the right.", gallery(all.filter((n) => n % step === 0), example));
    if (store.findings.length) {
      part("findings", "Findings of the check", "What may be wrong with the clips and labels, as psp check says it.",
        ...store.findings.map(finding));
    } else part("findings", "Findings of the check", "Nothing was found.");
    part("lengths", "Lengths and columns", "Frames of a clip, and the number of clips.", countBars(store.lengths, null),
      store.columns.length ? el("h3", {}, "Columns") : null, store.columns.length ? table(store.columns) : null);
    top.querySelector(".cards").append(adviceCard(store.advice));
  }

  function finding({title, severity, remedy, number, items}) {
    const each = ({sentence, clips: shown, ids}) => el("div", {className: shown.length > 1 ? "pair" : ""},
      ...(shown.length ? shown.map((index, n) => figure(index, `clip ${ids[n]}`, n ? "" : sentence,
        el("div", {className: "id"}, ids[n]))) : [el("p", {}, sentence)]));
    return el("details", {open: severity === "error"}, el("summary", {}, `${severity === "error" ? "Error" : "Warning"}: `
      + `${title} (${number})`), el("p", {className: "note"}, remedy), gallery(items, each, 3));
  }

  return {show};
})();
