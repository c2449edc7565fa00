"""Same weights, same input, same output: the network against numbers recorded from the published programs."""

import json
import os
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from psp.loss.coarse_to_fine import coarse_to_fine
from psp.loss.recognition import recognition
from psp.model.encoded import Encoded
from psp.model.polymerise import Polymerised
from psp.model.psp import PSPNetwork
from psp.model.published import describe, renamed
from psp.skeleton.layout import Layout
from psp.skeleton.layouts import LAYOUTS

FOLDER = Path(os.environ.get("PSP_REFERENCE", Path(__file__).parents[2] / "../shared/reference"))
PUBLISHED_BODIES = ("left upper limb", "right upper limb", "left lower limb", "right lower limb", "torso")
MODES = ("eval", "train")
VIEWS = ("joint", "motion")


def recorded(pattern: str) -> list:
    absent = pytest.param(None, marks=pytest.mark.skip(reason=f"no recorded numbers {pattern} in {FOLDER}"))
    return [pytest.param(path, id=path.stem) for path in sorted(FOLDER.glob(pattern))] or [absent]


@cache
def read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    with safe_open(path, framework="pt") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def below(numbers: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in numbers.items() if name.startswith(prefix)}


def layout_with(joints: int) -> Layout:
    for layout in LAYOUTS.values():
        if len(layout.joints) == joints:
            return layout
    return chain(joints)


def chain(joints: int) -> Layout:
    return Layout(
        name="chain", joints=tuple(f"joint {number}" for number in range(joints)),
        bones=tuple((number, number - 1) for number in range(1, joints)),
        mirror_pairs=(), centre=0, shoulders=(0, 1), spine=(0, 1),
        parts={"whole": tuple(range(joints))}, bodies={"whole": ("whole",)},
    )  # fmt: skip


def rebuilt(metadata: dict[str, str], numbers: dict[str, Tensor]) -> PSPNetwork:
    state = below(numbers, "state.")
    found = describe(state)
    blocks = tuple(map(tuple, json.loads(metadata["config"])))
    config = replace(found.config, encoder=replace(found.config.encoder, blocks=blocks))
    names = {"body_to_part": "lambda", "part_to_joint": "alpha", "body_to_joint": "beta"}
    config = replace(config, **{ours: float(metadata[name]) for ours, name in names.items() if name in metadata})
    layout = layout_with(int(metadata["num_point"]))
    network = PSPNetwork(layout, found.frames, found.classes, config).double()
    network.load_state_dict(renamed(state, network))
    return network


def to_clips(x: Tensor) -> Tensor:
    return x.permute(0, 4, 2, 3, 1)


def close(ours: Tensor, theirs: Tensor, tolerance: float = 1e-9) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * max(1.0, theirs.abs().max().item()))


@dataclass(frozen=True, eq=False)
class Step:
    network: PSPNetwork
    encoded: Encoded
    polymerised: dict[str, Polymerised]
    levels: dict[str, dict[str, Encoded]]
    projected: dict[str, dict[str, Tensor]]
    logits: Tensor


@cache
def step(path: Path, mode: str) -> Step:
    metadata, numbers = read(path)
    network = rebuilt(metadata, numbers).train(mode == "train")
    inputs = [to_clips(numbers[f"input.{kind}_{view}"]) for kind in ("labelled", "unlabelled") for view in VIEWS]
    views = torch.cat(inputs)
    encoded = network.encode(views, torch.ones(views.shape[:2], dtype=torch.bool))
    *labelled, joint, motion = encoded.split([len(x) for x in inputs])
    unlabelled = {"joint": joint, "motion": motion}
    polymerised = {view: network.attention_maps(x) for view, x in unlabelled.items()}
    levels = {
        view: {level: unlabelled[view].with_features(x) for level, x in polymerised[view].features.items()}
        for view in VIEWS
    }
    projected = {view: network.project(x) for view, x in levels.items()}
    logits = network.classify(labelled[0]) + network.classify(labelled[1])
    return Step(network, encoded, polymerised, levels, projected, logits)


def body_order(network: PSPNetwork) -> list[int]:
    return [list(network.layout.bodies).index(name) for name in PUBLISHED_BODIES]


psp_files = pytest.mark.parametrize("path", recorded("psp_*.safetensors"))
dstanet_files = pytest.mark.parametrize("path", recorded("dstanet_*.safetensors"))
modes = pytest.mark.parametrize("mode", MODES)


@psp_files
def test_sizes_are_inferred_from_shapes(path: Path) -> None:
    metadata, numbers = read(path)
    found = describe(below(numbers, "state."))
    blocks = [list(block) for block in found.config.encoder.blocks]
    blocks[-1][3] = json.loads(metadata["config"])[-1][3]  # the last stride leaves no trace in the shapes
    assert blocks == json.loads(metadata["config"])
    expected = [int(metadata[name]) for name in ("num_subset", "num_point", "num_frame", "num_class")]
    assert [found.config.encoder.heads, found.joints, found.frames, found.classes] == expected


@psp_files
@modes
def test_encoder(path: Path, mode: str) -> None:
    close(step(path, mode).encoded.features, read(path)[1][f"{mode}.encoder"])


@psp_files
@modes
@pytest.mark.parametrize("view", VIEWS)
def test_levels(path: Path, mode: str, view: str) -> None:
    numbers, run = read(path)[1], step(path, mode)
    ours = run.polymerised[view]
    bodies = body_order(run.network)
    close(ours.features["body"][..., bodies], numbers[f"{mode}.body_level.{view}.features"])
    close(ours.features["part"], numbers[f"{mode}.part_level.{view}.features"])
    close(ours.features["joint"], numbers[f"{mode}.joint_level.{view}.features"])
    body_maps = ours.maps["body"][:, :, bodies][..., bodies]
    close(body_maps, numbers[f"{mode}.body_level.{view}.attention"])
    part_maps = numbers[f"{mode}.part_level.{view}.attention_before_polymerising"]
    close(ours.raw_maps["part"], part_maps)


@psp_files
@modes
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("level", ["body", "part", "joint"])
def test_pooled_and_projected(path: Path, mode: str, view: str, level: str) -> None:
    numbers, run = read(path)[1], step(path, mode)
    close(run.levels[view][level].pooled(), numbers[f"{mode}.pooled.{level}_level_{view}"])
    close(run.projected[view][level], numbers[f"{mode}.projected.{level}_level_{view}"])


@psp_files
@modes
def test_logits_and_losses(path: Path, mode: str) -> None:
    (metadata, numbers), run = read(path), step(path, mode)
    close(run.logits, numbers[f"{mode}.logits"])
    close(recognition(run.logits, numbers["input.label"]), numbers[f"{mode}.loss.recognition"])
    _, losses = coarse_to_fine(run.projected["joint"], run.projected["motion"], float(metadata["temperature"]))
    for level, loss in losses.items():
        close(loss, numbers[f"{mode}.loss.contrast_{level}"])


@psp_files
def test_gradients_and_batch_norm(path: Path) -> None:
    (metadata, numbers), run = read(path), step.__wrapped__(path, "train")
    contrast, _ = coarse_to_fine(run.projected["joint"], run.projected["motion"], float(metadata["temperature"]))
    total = recognition(run.logits, numbers["input.label"]) + float(metadata["contrast_weight"]) * contrast
    close(total, numbers["train.loss.total"])
    total.backward()
    gradients = {name: weight.grad for name, weight in run.network.named_parameters()}
    assert len(gradients) == len(below(numbers, "grad."))
    theirs = renamed({**below(numbers, "state."), **below(numbers, "grad.")}, run.network)
    for name, gradient in gradients.items():
        torch.testing.assert_close(
            gradient, theirs[name], rtol=1e-7, atol=1e-10, msg=lambda m, name=name: f"{name}: {m}"
        )
    after = renamed({**below(numbers, "state."), **below(numbers, "after.")}, run.network)
    for name, ours in run.network.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            close(ours, after[name])


@psp_files
def test_polymerise_and_forward_agree_with_the_steps(path: Path) -> None:
    numbers, run = read(path)[1], step(path, "eval")
    joint, motion = (to_clips(numbers[f"input.labelled_{view}"]) for view in VIEWS)
    persons = torch.ones(joint.shape[:2], dtype=torch.bool)
    close(run.network(joint, motion, persons), numbers["eval.logits"])
    unlabelled = to_clips(numbers["input.unlabelled_joint"])
    encoded = run.network.encode(unlabelled, torch.ones(unlabelled.shape[:2], dtype=torch.bool))
    for level, features in run.network.polymerise(encoded).items():
        close(features.features, run.polymerised["joint"].features[level])


@dstanet_files
@modes
def test_dstanet(path: Path, mode: str) -> None:
    metadata, numbers = read(path)
    network = rebuilt(metadata, numbers).train(mode == "train")
    assert network.config.levels == ()
    assert network.config.encoder.temporal == "attention"
    clips = to_clips(numbers["input"])
    encoded = network.encode(clips, torch.ones(clips.shape[:2], dtype=torch.bool))
    close(encoded.features, numbers[f"{mode}.encoder"])
    close(network.classify(encoded), numbers[f"{mode}.logits"])
