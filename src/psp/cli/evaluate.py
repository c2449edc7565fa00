"""`psp evaluate`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from psp.cli.console import say
from psp.dataset.convert import convert_store
from psp.dataset.store import Store, open_store
from psp.errors import ConfigError
from psp.evaluate.accuracy import FEWEST, Accuracy, Calibration, worst_confusions
from psp.evaluate.evaluate import evaluate_run, evaluate_store
from psp.evaluate.label_gain import label_gain
from psp.evaluate.probes import Probe, probe_run
from psp.evaluate.suspects import suspects_of_run
from psp.evaluate.trained import open_model
from psp.files import write_json
from psp.model.model_file import Interface
from psp.train.device import Device
from psp.train.run_files import read_estimate, read_evaluation
from psp.train.run_folder import RunFolder, open_run

SHOWN = 5


def evaluate(model: Path, store: Path | None = None, probe: Probe | None = None, device: Device = "auto") -> None:
    """Evaluate a training run on the test sets of its split, or any model on the labelled clips of another data set.

    Classes are compared by name; clips of a class that the model does not know are counted separately.

    Args:
        model: a folder written by 'psp train', or a model.safetensors
        store: another data set, or that of the run if it has moved since training
        probe: instead of the classifier, test a linear one or the nearest neighbour on the features of the run, fitted
            on its labels
        device: where to compute
    """
    if not model.exists():
        remedy = "Name a folder written by 'psp train', or a model.safetensors."
        raise ConfigError("there is no such file or folder.", where=str(model), remedy=remedy)
    if not model.is_dir() and store is None:
        remedy = "Add --store STORE, or name a folder written by 'psp train'."
        raise ConfigError("a model file has no test set of its own.", where=str(model), remedy=remedy)
    if probe:
        _show_probe(model, probe, store, device)
    elif store is None or (model.is_dir() and _is_own(model, open_store(store))):
        show_run(model, store, device)
    else:
        _show_other(model, open_store(store), device)


def _show_probe(path: Path, probe: Probe, store: Path | None, device: Device) -> None:
    """Fit a probe on the labels of a run, print its accuracy on the test sets and write it to `probe-KIND.json`."""
    if not path.is_dir():
        remedy = "Name a folder written by 'psp train'."
        raise ConfigError("a model file has no labels to fit a probe on.", where=str(path), remedy=remedy)
    sets = probe_run(path, probe, store, device)
    for name, found in sets.items():
        say(f"{probe} probe, test set {name}: {_in_words(found)}")
    out = path / f"probe-{probe}.json"
    write_json(out, {name: asdict(found) for name, found in sets.items()})
    say(f"written: {out}")


def show_run(path: Path, store: Path | None, device: Device) -> None:
    """Evaluate a finished run and print its accuracy, its worst confusions and the labels that may be wrong."""
    folder, sets = RunFolder(path), evaluate_run(path, store, device)["average"]
    content = read_evaluation(folder.evaluation)
    for name, found in sets.items():
        say(f"test set {name}: {_in_words(found)}")
    if sets:
        first = next(iter(sets))
        _say_calibration(f"test set {first}", sets[first].clips, Calibration(**content["calibration"][first]))
        _say_confusions(sets[first], content["classes"])
    if folder.estimate.exists():
        show_estimate(folder)
    elif not sets:
        say("no accuracy is known, because the split has no test set.")
        say(f"'psp train --resume {path} --estimate' estimates it from the labelled clips: it trains five more models.")
    _say_gain(path, store)
    suspects = suspects_of_run(path, store, device)
    if suspects:
        each = [f"{found.id} ({found.label}, or {found.likely}?)" for found in suspects]
        count = "1 label" if len(suspects) == 1 else f"{len(suspects)} labels"
        say(f"{count} may be wrong, see {folder.suspects}: {_some(each)}")


def _say_calibration(name: str, clips: int, found: Calibration) -> None:
    if clips >= FEWEST:
        sure, error = found.confidence, found.error
        say(f"probabilities, {name}: {sure:.1f} % on average, calibration error {error:.1f} %")


def _say_gain(path: Path, store: Path | None) -> None:
    """Print how a simple classifier gains from labels, and write it to `label_gain.json`, where it can be judged."""
    found, out = label_gain(open_run(path).task(store)), RunFolder(path).label_gain
    if found is None or found.helps is None:
        out.unlink(missing_ok=True)
        return
    write_json(out, asdict(found))
    figures = zip(found.accuracies, found.labels, strict=True)
    *first, last = (f"{accuracy:.0f} % with {count}" for accuracy, count in figures)
    advice = "would help" if found.helps else "would bring little"
    say(f"more labels {advice}: a simple classifier recognises {', '.join(first)} and {last} of these labels.")


def show_estimate(folder: RunFolder) -> None:
    """Print what `estimate.json` says."""
    content = read_estimate(folder.estimate)
    found, groups = content["accuracy"], content["kept together"]
    low, high = found["interval"]
    figures = f"{found['top1']:.1f} % (95 % interval {low:.1f} to {high:.1f}) of {found['clips']} labelled clips"
    parts = f"{content['folds']} models, each tested on labels it was trained without"
    say(f"estimated accuracy: {figures}; {parts}{f', by {groups}' if groups else ''}.")


def _is_own(path: Path, store: Store) -> bool:
    return bool(open_run(path).store_facts["fingerprint"] == store.fingerprint)


def is_alike(store: Store, expected: Interface) -> bool:
    """Return whether the clips have the layout and the vertical axis that a model expects."""
    return (store.layout, store.up) == (expected.layout, expected.prepared_up)


def converted(store: Store, expected: Interface, dest: Path | None = None) -> Store:
    """Return a data set as a model expects it, in memory or at `dest`, and say what was changed."""
    if is_alike(store, expected):
        return store
    found, sentence = convert_store(store, expected.layout, expected.up, expected.normalise, dest)
    say(sentence if dest is None else f"{sentence} The converted clips are in {dest}.")
    return found


def _show_other(path: Path, store: Store, device: Device) -> None:
    model = open_model(path, device=device)
    found = evaluate_store(model, converted(store, model.interface))
    say(f"{store.path}: {_in_words(found.accuracy)}")
    _say_calibration(str(store.path), found.accuracy.clips, found.calibration)
    _say_confusions(found.accuracy, found.classes)
    if found.unknown:
        counts = [f"{name} ({clips})" for name, clips in found.unknown.items()]
        say(f"not counted: {sum(found.unknown.values())} clips of classes the model does not know: {_some(counts)}")
    if not path.is_dir():
        say("a model file does not say which clips trained it: with some of these the accuracy would be too high.")
    else:
        known = set(open_run(path).split.train) & set(store.clips.id.tolist())
        if known:
            say(f"{len(known)} clips have the id of a training clip: the accuracy is too high if they are the same.")
        name = store.path.name if store.path else "memory"
        out = path / f"evaluation-{name}-{store.fingerprint[:6]}.json"  # several stores may be called alike
        worst = worst_confusions(found.accuracy, found.classes)
        write_json(out, {**asdict(found), "confusions": list(map(asdict, worst))})
        say(f"written: {out}")


def _in_words(found: Accuracy) -> str:
    low, high = found.interval
    top5 = f", top-5 {found.top5:.1f} %" if len(found.per_class) > 5 else ""
    return f"accuracy {found.top1:.1f} % (95 % interval {low:.1f} to {high:.1f}) of {found.clips} clips{top5}"


def _say_confusions(found: Accuracy, classes: Sequence[str]) -> None:
    for number, each in enumerate(worst_confusions(found, classes, SHOWN)):
        title = "worst confusions: " if number == 0 else "                  "
        say(f"{title}{each.action} taken for {each.taken_for}, {each.clips} of {each.of} clips")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else ".")
