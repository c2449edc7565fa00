"""Losses on similarities with a memory bank: mined positives, and distillation between distributions of similarity."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def similarity(first: Float[Tensor, "n d"], second: Float[Tensor, "b d"]) -> Float[Tensor, "n b"]:
    """Return the products of every pair of features, in single precision or better, also under autocast."""
    with torch.autocast(first.device.type, enabled=False):
        wide = torch.promote_types(first.dtype, torch.float32)
        return first.to(wide) @ second.to(wide).T


def nearest(similarity: Float[Tensor, "n b"], count: int) -> Bool[Tensor, "n b"]:
    """Return a mask of the `count` most similar entries of the bank for every clip."""
    mask = torch.zeros_like(similarity, dtype=torch.bool)
    return mask.scatter(1, similarity.topk(min(count, similarity.shape[1]), dim=1).indices, True)


def multi_positive(
    query: Float[Tensor, "n d"],
    key: Float[Tensor, "n d"],
    bank: Float[Tensor, "b d"],
    positives: Bool[Tensor, "n b"],
    temperature: float,
) -> Float[Tensor, ""]:
    """Return -mean over a clip's positives of log softmax, the mean over clips (CrosSCLR, Li et al. 2021, eq. 6).

    The positives are the key and the marked entries of the bank.
    """
    others = similarity(query, bank)
    logits = torch.cat([(query * key).sum(dim=1, keepdim=True).to(others), others], dim=1) / temperature
    mask = torch.cat([torch.ones_like(positives[:, :1]), positives], dim=1).to(logits)
    return -((logits.log_softmax(dim=1) * mask).sum(1) / mask.sum(1)).mean()


def similarity_distillation(
    teacher: Float[Tensor, "n b"],
    student: Float[Tensor, "n b"],
    teacher_temperature: float,
    student_temperature: float,
    nearest: int,
) -> Float[Tensor, ""]:
    """Return KL(softmax(teacher / tau_t) || softmax(student / tau_s)) over the teacher's `nearest` entries of the bank.

    Cross-modal mutual distillation (CMD, Mao et al. 2022, eq. 5); the teacher is a constant.
    """
    top = teacher.detach().topk(min(nearest, teacher.shape[1]), dim=1)
    wanted = (top.values / teacher_temperature).softmax(dim=1)
    found = (student.gather(1, top.indices) / student_temperature).log_softmax(dim=1)
    return (wanted * (wanted.clamp(min=1e-12).log() - found)).sum(1).mean()


def positive_enhanced(
    target: Float[Tensor, "n b"],
    student: Float[Tensor, "n b"],
    positives: Bool[Tensor, "n b"],
    temperatures: tuple[float, float],
) -> Float[Tensor, ""]:
    """Return the mean cross entropy of similarity distributions, with mined positives added (CPM, Zhang et al. 2022).

    `temperatures` are those of target and student. The student's probability of the positives as a group is trained
    towards 1, weighted by the probability that the target gives to them.
    """
    wanted = (target.detach() / temperatures[0]).softmax(dim=1)
    found = (student / temperatures[1]).log_softmax(dim=1)
    together = found.masked_fill(~positives, float("-inf")).logsumexp(dim=1)
    share = (wanted * positives).sum(1)
    return -(wanted * found).sum(1).mean() - torch.where(positives.any(1), share * together, 0.0).mean()


def pull_push(query: Float[Tensor, "n d"], key: Float[Tensor, "n d"], other: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Return mean_i [-cos(q_i, k_i) + mean_{j != i} cos(q_i, o_j)] of unit features (X-CAR, Xu et al. 2022).

    `key` is a constant. The second term is 0 for a single clip.
    """
    pull = -(query * key.detach()).sum(1).mean()
    every = similarity(query, other)
    push = (every.sum() - every.diagonal().sum()) / max(len(query) * (len(query) - 1), 1)
    return pull + push
