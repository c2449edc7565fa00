"""What came out of a run, with everything needed to judge it."""

import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from psp.files import write_json
from psp.dataset.labels import LabelBudget
from psp.train.config import TrainConfig
from psp.train.device import Precision, precision_on
from psp.train.run import RunFolder
from psp.versions import versions_of


def write_result(
    folder: RunFolder,
    config: TrainConfig,
    budget: LabelBudget,
    labelled: list[str],
    doubted: list[str],
    steps: int,
    seconds: float,
    machines: Sequence[Mapping[str, Any]],
    network: nn.Module,
) -> None:
    """Write `result.json`: hashes, seeds, the ids of the labelled clips used, versions, device and wall time.

    `doubted` are the ids of those whose labels were not learnt to the end; `machines` where the run was trained, one
    after the other.
    """
    result = {
        "config hash": config.hash,
        "budget": {"spec": budget.spec, "seed": budget.seed, "hash": budget.hash, "labels": len(budget.ids)},
        "labels used": len(labelled),
        "labelled clips": labelled,
        "clips with doubted labels": doubted,
        "seed": config.seed,
        "steps": steps,
        "seconds": round(seconds, 1),
        "parameters": sum(weight.numel() for weight in network.parameters()),
        **machines[-1],
        "earlier machines": list(machines[:-1]),
    }
    write_json(folder.result, result)


def provenance(device: torch.device, wanted: Precision, compiled: bool) -> dict[str, Any]:
    """What computed, on what and how: `precision` is that of the products, whatever precision was `wanted`."""
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "precision": precision_on(device, wanted),
        "compiled": compiled,
        "versions": versions_of("psp-learning", "numpy"),
        "device": {
            "type": device.type,
            "name": card,
            "threads": torch.get_num_threads(),
            "cores": os.cpu_count(),
        },
    }
