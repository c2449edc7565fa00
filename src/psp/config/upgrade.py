"""Conversion of configurations of earlier versions of psp to the names of this version."""

from collections.abc import Mapping
from typing import Any

CONFIG_VERSION = 2
"""Version 1: one method with one list of settings; protocol and label budget were part of it. Version 2: stages."""

METHOD_NAMES = {
    "supervised": "supervised",
    "streams": "multi-stream-supervised",
    "psp": "psp",
    "taught": "psp-mean-teacher",
}
PYRAMID = (
    "attention",
    "scale",
    "bodies_from",
    "body_to_part",
    "part_to_joint",
    "body_to_joint",
    "polymerise",
    "levels",
)


def upgrade(config: Mapping[str, Any], version: int) -> dict[str, Any]:
    """Return the plain values of a configuration of an earlier version under the names of this version."""
    return _from_version_1(config) if version < CONFIG_VERSION else dict(config)


def _from_version_1(old: Mapping[str, Any]) -> dict[str, Any]:
    data, model = dict(old["data"]), dict(old["model"])
    strong, labelled = data.pop("augment"), data.pop("augment_labelled", None)
    pyramid = {name: model.pop(name) for name in PYRAMID}
    stage = {
        "name": "train",
        "method": _method(old, pyramid),
        "batch": {
            "labelled": old["labelled_batch"],
            "unlabelled": old["unlabelled_batch"],
            "unlabelled_pool": "train" if old["labelled_as_unlabelled"] else "unlabelled",
        },
        "optim": old["optim"],
        "epochs": old["epochs"],
        "steps_per_epoch": old["steps"],
        "ema": old["average"],
    }
    return {
        "stages": [stage],
        "model": model,
        "data": {
            "resample": data.pop("sample"),
            "weak": strong if labelled is None else labelled,
            "strong": strong,
            "modalities": data.pop("views"),
            **data,
        },
        "runtime": {
            "precision": old.get("precision", "float32"),
            "memory": old["memory"],
            "log_every": old["log_every"],
        },
        "seed": old["seed"],
    }


def _method(old: Mapping[str, Any], pyramid: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that the method of an old configuration used."""
    objective = old["objective"]
    method: dict[str, Any] = {
        "name": METHOD_NAMES[old["method"]],
        "label_smoothing": objective["label_smoothing"],
    }
    if old["method"] in ("psp", "taught"):
        method |= {name: objective[name] for name in ("temperature", "contrast")} | {"pyramid": dict(pyramid)}
    if old["method"] == "taught":
        method |= {
            "consistency": objective["pseudo_label"],
            "sharpness": objective["sharpness"],
            "start": old["teach_after"],
            "label_spreading": old["spread"],
            "noisy_labels": old.get("doubt", 0.0),
        }
    return method
