from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from psp.batches.batch import Batch, LabelledBatch, Sample
from psp.errors import CheckpointError
from psp.methods import METHODS
from psp.methods.base import Method, Passes, Setting, StepContext
from psp.methods.moco import MoCo
from psp.model.backbone import ModelConfig
from psp.model.encoder import EncoderConfig
from psp.model.memory import MemoryConfig
from psp.skeleton.catalogue import layout_by_name
from psp.train.config import method_config

CLASSES, CLIPS, FRAMES = 4, 6, 8
LABELS = torch.tensor([0, 1, 2, 3, 1, 0])


def method_of(name: str, networks: str = "shared", **options) -> Method:
    torch.manual_seed(0)
    model = ModelConfig(EncoderConfig(((4, 4, 2, 2), (4, 8, 2, 1)), heads=2), networks=networks)
    setting = Setting(layout_by_name("kinect20"), CLASSES, CLIPS, FRAMES, model)
    return METHODS[name](method_config(name, **options), setting)


def sample_of(seed: int, modalities: tuple[str, ...] = ("joint", "motion"), dtype=torch.float32) -> Sample:
    """Six clips with two person slots; the second person of every other clip is absent."""
    draw, persons = torch.Generator().manual_seed(seed), torch.ones(CLIPS, 2, dtype=torch.bool)
    persons[::2, 1] = False
    shape = (CLIPS, 2, FRAMES, 20, 3)
    values = {
        name: torch.randn(shape, generator=draw).to(dtype) * persons[..., None, None, None] for name in modalities
    }
    return Sample(values, persons)


def batches_of(*samples: Sample) -> dict[str, Batch]:
    """A labelled batch of the first sample and an unlabelled one of the others."""
    index, keys = torch.arange(CLIPS), torch.arange(CLIPS) * 1001
    labelled = LabelledBatch(index, keys, samples[:1], LABELS)
    return {"labelled": labelled, "unlabelled": Batch(index, keys + 1, samples[1:])}


CONTEXT = StepContext(0, 10, 2, None, Passes(), torch.arange(CLIPS))


def state_of(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_same(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], msg=name)


# MoCo


def features(part: nn.Module, sample: Sample) -> dict[str, torch.Tensor]:
    encoded = part.backbone.encode([sample]).items()
    return {name: F.normalize(part.projection(parts[0].pooled()), dim=1) for name, parts in encoded}


@pytest.mark.parametrize("networks", ["shared", "own"])
def test_moco_contrasts_queries_with_the_keys_of_the_bank(networks):
    """-log(exp(q k / tau) / (exp(q k / tau) + sum_b exp(q b / tau))), with the bank before the step."""
    method = method_of("moco", networks, bank=5, temperature=0.5)
    method.bank.enqueue(F.normalize(torch.randn(2, 3, 8), dim=2))
    bank, first, second = method.bank.features.clone(), sample_of(1), sample_of(2)
    twin = method_of("moco", networks, bank=5, temperature=0.5)
    queries, keys = features(twin.query, first), features(twin.key, second)
    losses = []
    for number, name in enumerate(("joint", "motion")):
        positive = (queries[name] * keys[name]).sum(1)
        every = torch.cat([positive[:, None], queries[name] @ bank[number].T], dim=1) / 0.5
        losses.append((every.exp().sum(1).log() - positive / 0.5).mean())
    batch = {"unlabelled": batches_of(first, first, second)["unlabelled"]}
    output = method.training_step(batch, CONTEXT)
    torch.testing.assert_close(output.loss, torch.stack(losses).mean())
    output.loss.backward()
    assert all(weight.grad is None for weight in method.key.parameters())
    assert all(weight.grad is not None for weight in method.query.parameters())


def test_moco_keeps_the_latest_keys():
    method = method_of("moco", bank=8)
    keys = []
    for seed in (1, 2):
        twin = method_of("moco")
        twin.load_state_dict(state_of(method) | {"bank.features": twin.bank.features})
        keys.append(torch.stack(list(features(twin.key, sample_of(seed)).values())).detach())
        batch = {"unlabelled": batches_of(sample_of(0), sample_of(9), sample_of(seed))["unlabelled"]}
        method.training_step(batch, CONTEXT)
    latest = torch.cat(keys, dim=1)[:, -8:]
    found, wanted = (each.sort(dim=1).values for each in (method.bank.features, latest))
    torch.testing.assert_close(found, wanted)
    assert int(method.bank.written) == 2 * CLIPS


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_key_encoder_follows_the_query_encoder(momentum):
    method = method_of("moco", momentum=momentum)
    assert_same(state_of(method.key), state_of(method.query))
    key = state_of(method.key)
    with torch.no_grad():
        for weight in method.query.parameters():
            weight.add_(torch.randn_like(weight))
    method.on_step_end(CONTEXT)
    moved, query = dict(method.key.named_parameters()), dict(method.query.named_parameters())
    assert_same(moved, {name: momentum * key[name] + (1 - momentum) * value for name, value in query.items()})
    assert not any(weight.requires_grad for weight in moved.values())


def test_the_next_stage_starts_from_the_query_encoder():
    method = method_of("moco")
    assert isinstance(method, MoCo)
    assert method.predictor() is None
    assert method.backbone() is method.query.backbone
    assert not any(weight.requires_grad for weight in method.key.parameters())


# FixMatch


def with_logits(method: Method, *logits: torch.Tensor) -> Method:
    """Let the network return given logits for the labelled, the weak and the strong sample."""
    method.recogniser.encode = lambda samples, memory: {}
    method.classify = lambda found, number: logits[number][None]
    return method


def logits_of(probabilities: list[list[float]]) -> torch.Tensor:
    return torch.tensor(probabilities).log()


@pytest.mark.parametrize("threshold", [0.0, 0.6, 0.95, 1.0])
def test_fixmatch_trains_towards_confident_pseudo_labels(threshold):
    weak = logits_of([[0.97, 0.01, 0.01, 0.01], [0.1, 0.7, 0.1, 0.1], [0.3, 0.3, 0.2, 0.2], [0.02, 0.02, 0.02, 0.94],
                      [0.25, 0.25, 0.25, 0.25], [0.01, 0.01, 0.97, 0.01]]).requires_grad_()  # fmt: skip
    known, strong = (torch.randn(CLIPS, CLASSES, requires_grad=True) for _ in range(2))
    method = with_logits(method_of("fixmatch", threshold=threshold, consistency=2.0), known, weak, strong)
    output = method.training_step(batches_of(sample_of(0), sample_of(1), sample_of(2)), CONTEXT)
    probabilities, log_strong = weak.detach().softmax(1), strong.log_softmax(1)
    chosen = [clip for clip in range(CLIPS) if float(probabilities[clip].max()) >= threshold]
    total = sum((-log_strong[clip, int(probabilities[clip].argmax())] for clip in chosen), torch.zeros(()))
    torch.testing.assert_close(output.metrics["consistency"], total / CLIPS)
    torch.testing.assert_close(output.metrics["confident"], torch.tensor(len(chosen) / CLIPS))
    supervised = -known.log_softmax(1)[torch.arange(CLIPS), LABELS].mean()
    torch.testing.assert_close(output.loss, supervised + 2.0 * total / CLIPS)
    output.loss.backward()
    assert weak.grad is None, "pseudo-labels are constants"
    assert (strong.grad.abs().amax(dim=1) > 0).nonzero()[:, 0].tolist() == chosen


# VAT


class LinearPredictor(nn.Module):
    """Logits that are a linear map of one modality."""

    modalities = ("joint",)

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(2 * FRAMES * 60, CLASSES, bias=False).double()
        self.seen: list[Sample] = []

    def logits(self, sample: Sample, memory: MemoryConfig) -> torch.Tensor:
        self.seen.append(sample)
        return self.map(sample.modalities["joint"].flatten(1))


def linear_vat(**options) -> Method:
    method = method_of("vat", modalities=("joint",), **options)
    method.recogniser = LinearPredictor()
    return method


def test_vat_moves_every_clip_by_the_radius_and_leaves_absent_persons():
    method, free = linear_vat(radius=0.3, probe=1e-3), sample_of(2, ("joint",), torch.float64)
    method.training_step(batches_of(sample_of(1, ("joint",), torch.float64), free), CONTEXT)
    _, clean, probed, moved = method.recogniser.seen
    for sample, length in ((probed, 1e-3), (moved, 0.3)):
        step = sample.modalities["joint"] - free.modalities["joint"]
        sizes = step.flatten(1).square().mean(dim=1).sqrt()
        torch.testing.assert_close(sizes, torch.full((CLIPS,), length, dtype=torch.float64))
        assert not step[~free.persons].any()
    assert torch.equal(clean.modalities["joint"], free.modalities["joint"])


def test_vat_takes_one_power_iteration_with_the_curvature_of_the_divergence():
    """KL(p || p(x + r)) is r^T H r / 2 for small r, where H = W^T (diag(p) - p p^T) W: r is along H d, d at random."""
    method, free = linear_vat(radius=0.01, probe=1e-6), sample_of(2, ("joint",), torch.float64)
    output = method.training_step(batches_of(sample_of(1, ("joint",), torch.float64), free), CONTEXT)
    _, _, probed, moved = method.recogniser.seen
    base = free.modalities["joint"]
    start, step = ((each.modalities["joint"] - base).flatten(1).detach() for each in (probed, moved))
    weight, present = method.recogniser.map.weight.detach(), free.persons.repeat_interleave(FRAMES * 60, dim=1)
    p = (base.flatten(1) @ weight.T).softmax(1)
    curvature = torch.diag_embed(p) - p[:, :, None] * p[:, None]
    along = torch.einsum("nij,nj,ik->nk", curvature, start @ weight.T, weight) * present
    cosine = F.cosine_similarity(along, step, dim=1)
    torch.testing.assert_close(cosine, torch.ones_like(cosine), atol=1e-3, rtol=0)
    change = step @ weight.T
    quadratic = torch.einsum("ni,nij,nj->n", change, curvature, change) / 2
    torch.testing.assert_close(output.metrics["smoothness"], quadratic.mean(), rtol=0.05, atol=0)


def test_vat_leaves_its_target_and_the_batch_norms_of_moved_clips_alone():
    """Running statistics move with the labelled and the unlabelled clips as they are, once each."""
    method, twin, samples = method_of("vat"), method_of("vat"), (sample_of(1), sample_of(2))
    output = method.training_step(batches_of(*samples), CONTEXT)
    for sample in samples:
        twin.recogniser.logits(sample)
    assert_same(dict(method.named_buffers()), dict(twin.named_buffers()))
    assert float(output.metrics["smoothness"]) > 0
    output.loss.backward()
    assert all(weight.grad is not None for weight in method.parameters())


def test_the_direction_of_vat_is_not_lost_in_low_precision():
    method, batch = method_of("vat"), batches_of(sample_of(1), sample_of(2))["unlabelled"]
    target = torch.full((CLIPS, CLASSES), 1 / CLASSES)
    exact = method._direction(batch, target)
    with torch.autocast("cpu", torch.bfloat16):
        assert_same(method._direction(batch, target), exact)


def test_vat_without_weight_is_supervised_training():
    samples = sample_of(1), sample_of(2)
    plain = method_of("supervised").training_step({"labelled": batches_of(*samples)["labelled"]}, CONTEXT)
    vat = method_of("vat", consistency=0.0).training_step(batches_of(*samples), CONTEXT)
    torch.testing.assert_close(vat.loss, plain.loss)


# PSP and the supervised baselines


def test_supervised_methods_have_one_loss_for_all_modalities_or_one_for_each():
    sample = sample_of(1)
    batch = {"labelled": batches_of(sample)["labelled"]}
    for name, late in (("supervised", False), ("multi-stream-supervised", True)):
        method, twin = (method_of(name, "own", modalities=("joint", "motion")) for _ in range(2))
        encoded = {modality: parts[0] for modality, parts in twin.recogniser.encode([sample]).items()}
        logits = twin.recogniser.classify(encoded)
        losses = [F.cross_entropy(each, LABELS) for each in (logits if late else logits.sum(0, keepdim=True))]
        output = method.training_step(batch, CONTEXT)
        torch.testing.assert_close(output.loss, torch.stack(losses).mean())
        hits = (logits.sum(0).argmax(1) == LABELS).float().mean()
        torch.testing.assert_close(output.metrics["accuracy"], hits)


def test_labels_of_minus_one_count_neither_in_the_loss_nor_in_the_accuracy():
    sample = sample_of(1)
    few = batches_of(sample)["labelled"]
    hidden = torch.tensor([0, 1, 2, -1, -1, -1])
    output = method_of("supervised").training_step({"labelled": replace(few, labels=hidden)}, CONTEXT)
    twin = method_of("supervised")
    logits = twin.recogniser.logits(sample)
    torch.testing.assert_close(output.loss, F.cross_entropy(logits[:3], hidden[:3]))
    assert float(output.metrics["accuracy"]) == pytest.approx(
        float((logits[:3].argmax(1) == hidden[:3]).float().mean())
    )


@pytest.mark.parametrize("networks", ["shared", "own"])
@pytest.mark.parametrize("contrast", [0.0, 0.2, 1.0])
def test_psp_adds_the_contrast_of_its_levels(networks, contrast):
    method = method_of("psp", networks, contrast=contrast)
    output = method.training_step(batches_of(sample_of(1), sample_of(2)), CONTEXT)
    levels = [value for name, value in output.metrics.items() if name.startswith("contrast ")]
    assert len(levels) == 3
    wanted = output.metrics["classification"] + contrast * torch.stack(levels).sum()
    torch.testing.assert_close(output.loss, wanted)
    assert set(method.pyramid_heads()) == ({"joint", "motion"} if contrast else set())


def test_methods_say_which_clips_they_need():
    wanted = {
        "supervised": {"labelled": ("labelled", ("weak",))},
        "psp": {"labelled": ("labelled", ("weak",)), "unlabelled": ("unlabelled", ("strong",))},
        "fixmatch": {"labelled": ("labelled", ("weak",)), "unlabelled": ("unlabelled", ("weak", "strong"))},
        "vat": {"labelled": ("labelled", ("weak",)), "unlabelled": ("unlabelled", ("weak",))},
        "moco": {"unlabelled": ("train", ("strong", "strong"))},
    }
    for name, specs in wanted.items():
        found = method_of(name).batches()
        assert {key: (spec.pool, spec.augmentations) for key, spec in found.items()} == specs
        assert all(spec.modalities == ("joint", "motion") for spec in found.values())


def test_a_backbone_of_another_shape_is_refused():
    with pytest.raises(CheckpointError, match="other weights"):
        method_of("supervised", "own").load_backbone(method_of("moco").backbone().state_dict())
    target, source = method_of("supervised"), method_of("moco").backbone()
    with torch.no_grad():
        next(source.parameters()).fill_(0.5)
    target.load_backbone(source.state_dict())
    assert_same(state_of(target.backbone()), state_of(source))
