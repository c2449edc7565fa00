"""`psp import-weights`."""

from collections.abc import Mapping
from pathlib import Path

from psp.batches.batch import DataConfig
from psp.batches.resample import ResampleConfig
from psp.cli.console import say
from psp.errors import DestinationError
from psp.io.formats.ntu_classes import NTU_CLASSES
from psp.model.model_file import Interface, TrainedModel
from psp.model.predictor import Predictor
from psp.model.published import import_published
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import normalisation
from psp.skeleton.catalogue import layout_by_name, open_layout


def import_weights(checkpoint: Path, out: Path, layout: str = "ntu25") -> None:
    """Turn a checkpoint of PSP Learning's published program into a model of this one.

    Args:
        checkpoint: .pt, .pth or .safetensors; read without running any code in it
        out: the .safetensors file to write
        layout: the skeleton layout that it was trained for, a name or a YAML file
    """
    if out.exists():
        raise DestinationError("the file already exists.", where=str(out), remedy="Choose another name.")
    predictor, _ = import_published(checkpoint, open_layout(layout))
    model = TrainedModel(predictor, published_interface(predictor, {"imported from": checkpoint.name}))
    model.save(out)
    say(f"written: {out} ({predictor.classes} classes, {predictor.backbone.frames} frames, {layout})")


def published_interface(predictor: Predictor, facts: Mapping[str, str]) -> Interface:
    """Return how the published program treats recordings; class names are those of NTU RGB+D where they fit."""
    layout, count = predictor.backbone.layout, predictor.classes
    ntu = layout == layout_by_name("ntu25")
    return Interface(
        layout=layout,
        classes=NTU_CLASSES[:count] if ntu and count in (60, 120) else tuple(f"class {k}" for k in range(count)),
        data=DataConfig(
            ResampleConfig(predictor.backbone.frames, train="random"), modalities="apart", motion="recorded"
        ),
        normalise=normalisation("published" if ntu else "default", layout),
        clean=CleanConfig(),
        up="y",
        channels=3,
        persons=2,
        facts=facts,
    )
