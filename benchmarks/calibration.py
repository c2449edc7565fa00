"""How far the probabilities of finished runs are from shares of right answers, before and after a temperature."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.optimize import minimize_scalar
from torch import Tensor

from benchmarks.findings import keep, refuse_existing, show
from benchmarks.machine import provenance
from psp.evaluate.accuracy import calibration
from psp.evaluate.evaluate import known_labels
from psp.evaluate.predict import predict_logits
from psp.evaluate.trained import TrainedRun, open_trained
from psp.train.device import process_settings
from psp.train.run_files import read_result

LARGEST = 20.0
"""The largest temperature, and the inverse of the smallest."""


def measured_run(run: TrainedRun) -> dict[str, Any]:
    """Return the calibration of a run on its test sets, as it is and with a temperature.

    The temperature is chosen by the likelihood of the labelled training clips outside the label budget.
    """
    store, split = run.store, run.task.split
    labels = known_labels(store, run.model.interface.classes)
    used = run.task.labels.resolve(store, split)[0]
    held_out = np.setdiff1d(split.train_index(store), used)
    held_out = held_out[labels[held_out] >= 0]

    def logits_of(index: Int64[np.ndarray, "n"]) -> Float[Tensor, "n k"]:
        with process_settings(run.stored.config.runtime.precision):
            return run.model.predictor.probabilities(predict_logits(run.model.predictor, run.maker, index)).log()

    temperature = best_temperature(logits_of(held_out), torch.from_numpy(labels[held_out]))
    sets = {}
    for name in split.tests:
        index = split.test_index(store, name)
        logits, truth = logits_of(index), torch.from_numpy(labels[index])
        sets[name] = {
            "top1": round(100 * float((logits.argmax(dim=1) == truth).double().mean()), 2),
            "as it is": asdict(calibration(logits.softmax(dim=1), truth)),
            "with the temperature": asdict(calibration((logits / temperature).softmax(dim=1), truth)),
        }
    config, budget, folder = run.stored.config, run.task.labels, run.stored.folder
    facts = {"config": config.hash, "seed": config.seed, "labels": budget.spec, "label hash": budget.hash}
    facts["seconds"] = read_result(folder.result)["seconds"]
    return {**facts, "held-out clips": len(held_out), "temperature": round(temperature, 3), "test sets": sets}


def best_temperature(logits: Float[Tensor, "n k"], labels: Int64[Tensor, "n"]) -> float:
    """Return the temperature by which logits are divided so that the labels are most probable (Guo et al. 2017)."""

    def loss(logarithm: float) -> float:
        return float(torch.nn.functional.cross_entropy(logits.double() / np.exp(logarithm), labels))

    bound = np.log(LARGEST)
    return float(np.exp(minimize_scalar(loss, bounds=(-bound, bound), method="bounded").x))


def calibrate(runs: list[str], out: Path | None = None) -> None:
    """Measure the calibration of finished runs, before and after a temperature chosen on held-out labelled clips.

    Args:
        runs: folders written by 'psp train', with a label budget smaller than the training part
        out: the .json file to write
    """
    refuse_existing(out)
    torch.set_num_threads(1)
    found = {Path(path).name: measured_run(open_trained(path)) for path in runs}
    for name, each in found.items():
        columns = ("as it is", "with the temperature")
        errors = {key: {test: sets[key]["error"] for test, sets in each["test sets"].items()} for key in columns}
        show(f"{name}, temperature {each['temperature']}: calibration error in per cent", errors)
    keep({"machine": provenance(torch.device("cpu")), "runs": found}, out)
