"""The first lines of the page of a run: what was trained, on what, and how good it is."""

from collections.abc import Mapping
from typing import Any

from psp.evaluate.trained import TrainedRun
from psp.report.compare import ComparedRun, machine_names
from psp.report.words import counted, duration


def cards(run: ComparedRun, opened: TrainedRun | None) -> list[dict[str, str]]:
    """Return title, large text and small text of what was trained and on what."""
    return [_trained(run, opened), _data(run, opened)]


def _trained(run: ComparedRun, opened: TrainedRun | None) -> dict[str, str]:
    settings, result = run.settings, run.result
    methods = [str(value) for name, value in settings.items() if name.endswith("method.name")]
    facts = []
    if result:
        facts.append(f"{result['parameters']:,} parameters")
    if opened is not None:
        names = opened.model.predictor.modalities
        facts.append(f"{counted(len(names), 'modality', 'modalities')} ({', '.join(names)})")
    if "epochs" in settings:
        facts.append(counted(int(settings["epochs"]), "epoch", "epochs"))
    if result:
        facts.append(f"{duration(result['seconds'])} on {machine_names(result)}")
    else:
        facts.append("not finished")
    return {"title": "Trained", "large": ", then ".join(methods), "small": "; ".join(facts)}


def _data(run: ComparedRun, opened: TrainedRun | None) -> dict[str, str]:
    settings: Mapping[str, Any] = run.settings
    classes = counted(len(run.classes), "class", "classes")
    spec = settings.get("labels", "")
    if opened is None:
        return {"title": "Data", "large": str(settings.get("data set", "")), "small": f"labels: {spec}; {classes}"}
    task, store = opened.task, opened.store
    large = f"{len(task.labels.ids):,} labels, {classes}"
    joints = f"{store.layout.name}: {len(store.layout.joints)} joints, {store.channels} coordinates"
    small = (
        f"data set {store.dataset} ({joints}); {len(task.split.train):,} training clips, labels {spec}; "
        f"split {task.split.name}: {task.split.description}"
    )
    return {"title": "Data", "large": large, "small": small}
