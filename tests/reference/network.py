"""Everything that the comparison with recorded numbers asks of our network; only this file knows its classes."""

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from psp.batches.batch import Sample
from psp.loss.classification import classification
from psp.loss.coarse_to_fine import coarse_to_fine
from psp.model.encoded import Encoded
from psp.model.polymerise import Polymerised
from psp.model.predictor import Predictor, make_predictor
from psp.model.published import Published, describe, load_published, published_name
from psp.model.pyramid_head import PyramidHead
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout
from reference.recording import Recording, read

MODALITIES = ("joint", "motion")
BODIES = ("left upper limb", "right upper limb", "left lower limb", "right lower limb", "torso")
"""The bodies in the order of the published program."""


@dataclass(frozen=True, eq=False)
class Outputs:
    """What one forward pass over the recorded batch computes."""

    network: nn.ModuleDict
    encoded: Tensor
    polymerised: dict[str, Polymerised]
    pooled: dict[str, dict[str, Tensor]]
    contrastive: dict[str, dict[str, Tensor]]
    logits: Tensor
    losses: dict[str, Tensor]

    def in_published_order(self, x: Tensor, *axes: int) -> Tensor:
        """Return x with bodies on `axes` ordered as in the published program."""
        names = list(self.network["predictor"].backbone.layout.bodies)
        for axis in axes:
            x = x.index_select(axis, torch.tensor([names.index(name) for name in BODIES]))
        return x


@cache
def evaluated(path: Path) -> Outputs:
    """Return the outputs in evaluation mode; the tests only read them."""
    recording = read(path)
    return forward(recording, rebuilt(recording).eval())


@cache
def trained(path: Path) -> Outputs:
    """Return the outputs in training mode, with the gradients of the total loss in the network."""
    recording = read(path)
    outputs = forward(recording, rebuilt(recording).train())
    outputs.losses["total"].backward()
    return outputs


def forward(recording: Recording, network: nn.ModuleDict) -> Outputs:
    """Pass labelled and unlabelled clips through encoder, classifier and contrastive head."""
    predictor, head = network["predictor"], network["head"]
    labelled, unlabelled = samples(recording)
    features = predictor.encode([labelled, unlabelled])
    order = [features[name][number].features for number in (0, 1) for name in MODALITIES]
    contrasted = {name: features[name][1] for name in MODALITIES}
    polymerised = {name: head.attention_maps(x) for name, x in contrasted.items()}
    levels = {
        name: {level: x.with_features(maps) for level, maps in polymerised[name].features.items()}
        for name, x in contrasted.items()
    }
    contrastive = {name: head.project(x) for name, x in levels.items()}
    logits = predictor.classify({name: features[name][0] for name in MODALITIES}).sum(0)
    pooled = {name: {level: x.pooled() for level, x in own.items()} for name, own in levels.items()}
    losses = terms(recording, logits, contrastive)
    return Outputs(network, torch.cat(order), polymerised, pooled, contrastive, logits, losses)


def terms(recording: Recording, logits: Tensor, contrastive: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the total loss and its terms by their recorded names."""
    recognition = classification(logits, recording.numbers["input.label"])
    temperature, weight = (float(recording.metadata[name]) for name in ("temperature", "contrast_weight"))
    contrast, levels = coarse_to_fine(contrastive["joint"], contrastive["motion"], temperature)
    total = recognition + weight * contrast
    return {"recognition": recognition, "total": total} | {f"contrast_{name}": loss for name, loss in levels.items()}


def samples(recording: Recording) -> tuple[Sample, Sample]:
    """Return the labelled and the unlabelled clips of a recording of PSP Learning."""
    labelled, unlabelled = (
        {name: to_clips(recording.numbers[f"input.{kind}_{name}"]) for name in MODALITIES}
        for kind in ("labelled", "unlabelled")
    )
    return sample(labelled), sample(unlabelled)


def sample(modalities: dict[str, Tensor]) -> Sample:
    """Return a sample whose absent persons are those that are zero throughout."""
    persons = torch.stack([x.abs().sum((2, 3, 4)) > 0 for x in modalities.values()]).any(0)
    return Sample(modalities, persons)


def to_clips(x: Tensor) -> Tensor:
    """Return the program's (n, c, t, v, m) as (n, m, t, v, c)."""
    return x.permute(0, 4, 2, 3, 1)


def described(recording: Recording) -> Published:
    """Return what the shapes of the recorded weights say, with the numbers that leave no trace in shapes."""
    found, given = describe(recording.below("state.")), recording.metadata
    blocks = tuple(map(tuple, json.loads(given["config"])))
    model = replace(found.model, encoder=replace(found.model.encoder, blocks=blocks))
    names = {"body_to_part": "lambda", "part_to_joint": "alpha", "body_to_joint": "beta"}
    scalars = {ours: float(given[name]) for ours, name in names.items() if name in given}
    return replace(found, model=model, pyramid=found.pyramid and replace(found.pyramid, **scalars))


def rebuilt(recording: Recording) -> nn.ModuleDict:
    """Return our predictor and contrastive head (if any) with the recorded weights, in double precision."""
    found, state = described(recording), recording.below("state.")
    layout = layout_with(int(recording.metadata["num_point"]))
    modalities = MODALITIES if found.pyramid else ("joint",)
    network = nn.ModuleDict()
    network["predictor"] = make_predictor(layout, found.frames, found.classes, found.model, modalities, "sum")
    if found.pyramid:
        network["head"] = PyramidHead(layout, found.frames, found.model.encoder, found.pyramid)
    network.double()
    load_published(state, network["predictor"], network["head"] if found.pyramid else None)
    return network


def parameters(network: nn.ModuleDict) -> dict[str, nn.Parameter]:
    """Return all weights by their published names."""
    return {published_name(name): weight for part in network.values() for name, weight in part.named_parameters()}


def running_statistics(network: nn.ModuleDict) -> dict[str, Tensor]:
    """Return the running means and variances of all batch norms by their published names."""
    return {
        published_name(name): buffer
        for part in network.values()
        for name, buffer in part.named_buffers()
        if name.endswith(("running_mean", "running_var"))
    }


def layout_with(joints: int) -> Layout:
    """Return the NTU layout, or a chain of another number of joints."""
    if joints == 25:
        return layout_by_name("ntu25")
    names = [f"joint {number}" for number in range(joints)]
    return Layout.from_graph(
        "chain", names, [range(joints)], centre=0, mirror_pairs=(), parts={"whole": names}, bodies={"whole": ["whole"]}
    )


def encode_joints(network: nn.ModuleDict, clips: Tensor) -> tuple[Encoded, Tensor]:
    """Return features and logits of clips in one modality, for recordings of DSTA-Net."""
    predictor: Predictor = network["predictor"]
    (encoded,) = predictor.encode([sample({"joint": clips})])["joint"]
    return encoded, predictor.classify({"joint": encoded})[0]
