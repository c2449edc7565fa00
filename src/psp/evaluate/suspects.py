"""Labels that may be wrong: labelled training clips in which a model recognises another class."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int64

from psp.evaluate.accuracy import is_above_guessing
from psp.evaluate.predict import predict_logits
from psp.evaluate.trained import open_trained
from psp.files import write_json
from psp.train.device import process_settings
from psp.train.run_files import read_estimate, read_evaluation
from psp.train.run_folder import RunFolder

RATIO = 2.0
"""A label is suspected if another class is at least so many times as probable."""

MOST = 0.25
"""If a larger share of the labels is suspected, the model is too inaccurate and none is reported."""


@dataclass(frozen=True)
class Suspect:
    """A clip whose label may be wrong, and the class that is recognised in it, with both probabilities."""

    id: str
    label: str
    likely: str
    probability: float
    probability_of_label: float


def suspects_of_run(path: Path | str, store_path: Path | str | None = None, device: str = "auto") -> list[Suspect]:
    """Return the labels of a finished run that may be wrong, the most improbable ones first.

    They are also written to `suspects.json` of the run. A label is suspected if the trained model recognises another
    class in the whole clip. The model was trained on these labels, but augmentation and unlabelled clips prevent it
    from memorising all of them. Labels that it has memorised are not found, and rare forms of an action are suspected
    even if their labels are right. If more than a quarter of the labels is suspected, or if the known accuracy is not
    above guessing, the model is too inaccurate and the list is empty.
    """
    run = open_trained(path, store_path, device=device)
    folder, classes = run.stored.folder, run.model.interface.classes
    index, labels = run.task.labels.resolve(run.store, run.task.split)
    number = {name: position for position, name in enumerate(classes)}
    given = np.array([number[run.store.classes[label]] for label in labels])
    with process_settings(run.stored.config.runtime.precision):
        logits = predict_logits(run.model.predictor, run.maker, index)
    found = suspects(run.task.labels.ids, given, run.model.predictor.probabilities(logits).numpy(), classes)
    found = found if is_better_than_guessing(folder) else []
    write_json(folder.suspects, [asdict(each) for each in found])
    return found


def is_better_than_guessing(folder: RunFolder) -> bool:
    """Return whether the accuracy on the first test set, or else the estimate, is above guessing or not known."""
    sets = read_evaluation(folder.evaluation)["weights"].get("average", {}) if folder.evaluation.exists() else {}
    known = next(iter(sets.values()), None)
    if known is None and folder.estimate.exists():
        known = read_estimate(folder.estimate)["accuracy"]
    return known is None or is_above_guessing(known["interval"], [sum(row) for row in known["confusion"]])


def suspects(
    ids: Sequence[str], labels: Int64[np.ndarray, "l"], probabilities: Float[np.ndarray, "l k"], classes: Sequence[str]
) -> list[Suspect]:
    """Return the labels that are far less probable than another class, the most improbable ones first.

    The list is empty if these are more than a quarter of all labels.
    """
    own, likely = probabilities[np.arange(len(labels)), labels], probabilities.argmax(axis=1)
    ratio = probabilities.max(axis=1) / np.maximum(own, np.finfo(np.float32).tiny)
    if (ratio >= RATIO).mean() > MOST:
        return []
    return [
        Suspect(ids[n], classes[labels[n]], classes[likely[n]], float(probabilities[n, likely[n]]), float(own[n]))
        for n in np.argsort(-ratio, kind="stable")
        if ratio[n] >= RATIO
    ]
