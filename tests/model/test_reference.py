"""Same weights, same input, same output: the network against numbers recorded from the published programs.

tests/reference holds small recordings that always run; whole ones run too where PSP_REFERENCE names their folder.
"""

import json
from pathlib import Path

import pytest
import torch

from psp.model.published import describe
from reference.network import (
    MODALITIES,
    Outputs,
    encode_joints,
    evaluated,
    parameters,
    rebuilt,
    running_statistics,
    samples,
    to_clips,
    trained,
)
from reference.recording import read, recordings

psp_files = pytest.mark.parametrize("path", recordings("psp"))
dstanet_files = pytest.mark.parametrize("path", recordings("dstanet"))
modes = pytest.mark.parametrize("mode", ["eval", "train"])
modalities = pytest.mark.parametrize("modality", MODALITIES)
levels = pytest.mark.parametrize("level", ["body", "part", "joint"])


def outputs(path: Path, mode: str) -> Outputs:
    return evaluated(path) if mode == "eval" else trained(path)


@psp_files
def test_sizes_are_inferred_from_shapes(path: Path) -> None:
    recording = read(path)
    found = describe(recording.below("state."))
    blocks = [list(block) for block in found.model.encoder.blocks]
    blocks[-1][3] = json.loads(recording.metadata["config"])[-1][3]  # the last stride leaves no trace in the shapes
    assert blocks == json.loads(recording.metadata["config"])
    expected = [int(recording.metadata[name]) for name in ("num_subset", "num_point", "num_frame", "num_class")]
    assert [found.model.encoder.heads, found.joints, found.frames, found.classes] == expected


@psp_files
def test_some_persons_are_absent(path: Path) -> None:
    labelled, unlabelled = samples(read(path))
    assert not labelled.persons.all()
    assert not unlabelled.persons.all()


@psp_files
@modes
def test_encoder(path: Path, mode: str) -> None:
    read(path).assert_close(f"{mode}.encoder", outputs(path, mode).encoded)


@psp_files
@modes
@modalities
def test_levels(path: Path, mode: str, modality: str) -> None:
    recording, ours = read(path), outputs(path, mode)
    found = ours.polymerised[modality]
    bodies = ours.in_published_order(found.features["body"], 3)
    recording.assert_close(f"{mode}.body_level.{modality}.features", bodies)
    recording.assert_close(f"{mode}.part_level.{modality}.features", found.features["part"])
    recording.assert_close(f"{mode}.joint_level.{modality}.features", found.features["joint"])
    body_maps = ours.in_published_order(found.maps["body"], 2, 3)
    recording.assert_close(f"{mode}.body_level.{modality}.attention", body_maps)
    recording.assert_close(f"{mode}.part_level.{modality}.attention_before_polymerising", found.raw_maps["part"])


@psp_files
@modes
@modalities
@levels
def test_pooled_and_projected(path: Path, mode: str, modality: str, level: str) -> None:
    recording, ours = read(path), outputs(path, mode)
    recording.assert_close(f"{mode}.pooled.{level}_level_{modality}", ours.pooled[modality][level])
    recording.assert_close(f"{mode}.projected.{level}_level_{modality}", ours.contrastive[modality][level])


@psp_files
@modes
def test_logits_and_losses(path: Path, mode: str) -> None:
    recording, ours = read(path), outputs(path, mode)
    recording.assert_close(f"{mode}.logits", ours.logits)
    recorded = recording.outputs(f"{mode}.loss.")
    assert recorded >= {"recognition", "contrast_body", "contrast_part", "contrast_joint"}
    for name in recorded:
        recording.assert_close(f"{mode}.loss.{name}", ours.losses[name])


@psp_files
def test_gradients(path: Path) -> None:
    recording, weights = read(path), parameters(trained(path).network)
    assert weights.keys() == recording.outputs("grad.")
    for name, weight in weights.items():
        assert weight.grad is not None
        recording.assert_close(f"grad.{name}", weight.grad, rtol=1e-7, atol=1e-10)


@psp_files
def test_batch_norm_statistics_after_one_step(path: Path) -> None:
    recording, statistics = read(path), running_statistics(trained(path).network)
    assert statistics.keys() == recording.outputs("after.")
    for name, ours in statistics.items():
        recording.assert_close(f"after.{name}", ours)


@psp_files
def test_shorter_ways_to_logits_and_contrastive_features_agree_with_the_steps(path: Path) -> None:
    recording, ours = read(path), evaluated(path)
    labelled, unlabelled = samples(recording)
    predictor, head = ours.network["predictor"], ours.network["head"]
    recording.assert_close("eval.logits", predictor.logits(labelled))
    recording.assert_close("eval.logits", predictor.dense_logits(labelled.modalities, labelled.persons))
    encoded = predictor.encode([unlabelled])["joint"][0]
    for level, features in head(encoded).items():
        torch.testing.assert_close(features, ours.contrastive["joint"][level], rtol=0, atol=1e-12)


@dstanet_files
@modes
def test_dstanet(path: Path, mode: str) -> None:
    recording = read(path)
    network = rebuilt(recording).train(mode == "train")
    assert "head" not in network
    assert network["predictor"].backbone.config.encoder.temporal == "attention"
    encoded, logits = encode_joints(network, to_clips(recording.numbers["input"]))
    recording.assert_close(f"{mode}.encoder", encoded.features)
    recording.assert_close(f"{mode}.logits", logits)
