"""The pictures of experiments: attention (figure 5), features (figures 6 and 8) and bars (figure 7)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from jaxtyping import Int64

from psp.dataset.store import Store
from psp.evaluate.attention import MEASURES, ClipAttention, Importance, agreement_with_motion, attend, saturated_share
from psp.evaluate.embed import Embedding, Separability, embed_clips, separability
from psp.evaluate.trained import TrainedRun, open_trained
from psp.figures.ablation import Bar, ablation_figure
from psp.figures.attention_maps import attention_figure
from psp.figures.canvas import save
from psp.figures.cost import cost_figure
from psp.figures.tsne import PERPLEXITY, SEED, Cloud, tsne_figure
from psp.files import write_json
from psp.reproduce.experiment import Column
from psp.reproduce.runner import RunnerConfig, run_folders
from psp.reproduce.table import Cell, Stem, Table, fewest_seconds
from psp.skeleton.layout import Layout

Draw = Callable[[Table, RunnerConfig, Stem], list[Path]]
"""Draws pictures from the results, the folders of the runs and the function that names files; returns their paths."""

NETWORKS = {"shared": "mean of the modalities", "own": "modalities side by side"}

MOST_CLASSES = 10
"""From a data set with more classes, ten are drawn at random, as in figure 8 of the paper."""

SHOWN = {
    "ntu60": ("clap", "touch pocket", "sit down", "kicking something"),
    "nw-ucla": ("walk around", "sit down", "throw", "pick up with one hand"),
    "synthetic": ("wave", "throw", "kick", "sit down"),
}
"""Classes of which figure 5 shows the first test clip, by data set."""

MOST_CLIPS = 500
"""The most test clips, evenly spaced, on which the agreement of attention and motion is measured."""

Agreement = dict[str, float]
"""Spearman's rank correlation of importance and motion, by level."""


def draw_attention(table: Table, config: RunnerConfig, stem: Stem) -> list[Path]:
    """Draw figure 5: for every column two pictures of the network of the first seed, one per measure of importance.

    The correlations of importance and motion beside them are means over the networks of all seeds.
    """
    return [path for column in table.columns for path in _attention_of(table, config, column, stem([column]))]


def draw_features(table: Table, config: RunnerConfig, stem: Stem) -> list[Path]:
    """Draw figures 6 and 8: for every column one picture of the full test set, and its numbers as JSON.

    The features of the first seed are drawn; the numbers above them are means over all seeds.
    """
    return [path for column in table.columns for path in _features_of(table, config, column, stem([column]))]


def draw_bars(table: Table, config: RunnerConfig, stem: Stem) -> list[Path]:
    """Draw figure 7: the accuracies of the averaged weights on the full test set."""
    groups = {
        column.title: [_bar(table.cell(row, column, ("average", "full"))) for row in table.rows]
        for column in table.columns
    }
    path = _named(stem(table.columns), ".png")
    save(ablation_figure([row.title for row in table.rows], groups), path)
    return [path]


def draw_costs(table: Table, config: RunnerConfig, stem: Stem) -> list[Path]:
    """Draw the accuracy of the averaged weights on the full test set against the minutes of the fastest training.

    One picture for each column in which every row has a result.
    """
    written = []
    for column in table.columns:
        points, counts = {}, set[int]()
        for row in table.rows:
            results = table.measured(row, column, ("average", "full"))
            cell = table.cell(row, column, ("average", "full"))
            if results and cell.summary:
                points[row.name] = (fewest_seconds(results) / 60, cell.summary.mean)
                counts.add(cell.summary.n)
        if len(points) == len(table.rows):
            budgets = " to ".join(map(str, sorted({min(counts), max(counts)})))
            written.append(_named(stem([column]), "-cost.png"))
            save(cost_figure(points, title=f"{column.title}, label budgets: {budgets}"), written[-1])
    return written


DRAWINGS: dict[str, Draw] = {
    "attention": draw_attention,
    "bars": draw_bars,
    "costs": draw_costs,
    "features": draw_features,
}


def shown_clips(run: TrainedRun) -> Int64[np.ndarray, "s"]:
    """Return the first test clip of each class of SHOWN, or of the first four classes if none of SHOWN occurs."""
    tests = run.test_index()
    labels = run.store.clips.label[tests]
    present = {run.store.classes[label]: label for label in np.unique(labels)}
    names = [name for name in SHOWN.get(run.store.dataset, ()) if name in present] or list(present)[:4]
    return np.array([tests[labels == present[name]][0] for name in names])


def chosen_classes(labels: Int64[np.ndarray, "s"], most: int = MOST_CLASSES) -> list[int]:
    """Return the classes among `labels` in ascending order; of more than `most` always the same `most` ones."""
    present = np.unique(labels)
    chosen = present if len(present) <= most else np.random.default_rng(SEED).choice(present, most, replace=False)
    return sorted(chosen.tolist())


def _attention_of(table: Table, config: RunnerConfig, column: Column, stem: Path) -> list[Path]:
    folders = run_folders(table.runs, column.name, config.runs).get(table.rows[0].name)
    if not folders:
        return []
    store = _store_of(table, column)
    networks = {folder.name: open_trained(folder, store, device=config.device) for _, folder in sorted(folders.items())}
    first = next(iter(networks.values()))
    tests = first.test_index()
    measured = tests[:: max(1, -(-len(tests) // MOST_CLIPS))]
    attended = {name: attend(run, measured) for name, run in networks.items()}
    agreements = {name: _agreements(found, first.store.layout) for name, found in attended.items()}
    saturated = {name: saturated_share(found) for name, found in attended.items()}
    clips, written = attend(first, shown_clips(first)), []
    for measure in MEASURES:
        note = f"Over {len(measured)} test clips importance and motion correlate (Spearman): "
        note += _in_words([by_measure[measure] for by_measure in agreements.values()])
        note += f".\nSaturated maps, all entries equal: {_shares_in_words(list(saturated.values()))}"
        written.append(_named(stem, f"-{measure}.png"))
        save(attention_figure(clips, first.store.layout, measure=measure, note=f"{note}."), written[-1])
    figures = _named(stem, "-attention.json")
    write_json(figures, _attention_as_plain(len(measured), agreements, saturated, clips))
    return [*written, figures]


def _store_of(table: Table, column: Column) -> Path:
    """Return the store of the runs of a column, which may have moved since they were trained."""
    return next(run.store for run in table.runs if run.column.name == column.name)


def _agreements(attended: Sequence[ClipAttention], layout: Layout) -> dict[Importance, Agreement]:
    """Return how well attention and motion agree by each measure of importance."""
    return {measure: agreement_with_motion(attended, layout, measure) for measure in MEASURES}


def _shares_in_words(found: Sequence[Mapping[str, float]]) -> str:
    return ", ".join(f"{level} {100 * mean(each[level] for each in found):.0f} %" for level in found[0])


def _in_words(found: Sequence[Agreement]) -> str:
    networks = f", mean of {len(found)} networks" if len(found) > 1 else ""
    return ", ".join(f"{level} {_over_seeds([each[level] for each in found], '+.2f')}" for level in found[0]) + networks


def _attention_as_plain(
    measured: int,
    agreements: Mapping[str, Mapping[Importance, Agreement]],
    saturated: Mapping[str, Mapping[str, float]],
    clips: Sequence[ClipAttention],
) -> dict[str, Any]:
    by_run = [{"run": name, **by_measure} for name, by_measure in agreements.items()]
    return {
        "modality": "joint",
        "clips shown": {each.clip.id: each.action for each in clips},
        "importance and motion, Spearman": {"clips": measured, "by run": by_run},
        "share of saturated maps": saturated,
    }


def _features_of(table: Table, config: RunnerConfig, column: Column, stem: Path) -> list[Path]:
    clouds: dict[str, Cloud] = {}
    measured: list[dict[str, Any]] = []
    titles = {row.name: row.title for row in table.rows}
    for name, folders in run_folders(table.runs, column.name, config.runs).items():
        embeddings, store = _embed(folders, _store_of(table, column), config.device)
        scores = {seed: separability(each.fused(), each.labels) for seed, each in embeddings.items()}
        shown = embeddings[min(embeddings)]
        clouds[titles[name]] = Cloud(shown.fused(), _scores_in_words(list(scores.values())))
        measured += [
            {"system": name, "seed": seed, "run": folders[seed].name, **asdict(score)} for seed, score in scores.items()
        ]
    if not clouds:
        return []
    picture, figures = _named(stem, "-features.png"), _named(stem, "-features.json")
    save(tsne_figure(clouds, shown.labels, store.classes), picture)
    write_json(figures, _features_as_plain(shown, store, measured))
    return [picture, figures]


def _embed(folders: Mapping[int, Path], path: Path, device: str) -> tuple[dict[int, Embedding], Store]:
    found = {}
    for seed, folder in sorted(folders.items()):
        run = open_trained(folder, path, device=device)
        index = run.test_index()
        labels = run.store.clips.label[index]
        index = index[np.isin(labels, chosen_classes(labels))]
        found[seed] = embed_clips(run.model.predictor, run.maker, index)
    return found, run.store


def _scores_in_words(scores: Sequence[Separability]) -> str:
    silhouettes, neighbours = ([getattr(each, name) for each in scores] for name in ("silhouette", "neighbours"))
    seeds = f" ({len(scores)} seeds)" if len(scores) > 1 else ""
    return f"silhouette {_over_seeds(silhouettes, '.2f')}\n5 neighbours {_over_seeds(neighbours, '.1f')} %{seeds}"


def _features_as_plain(shown: Embedding, store: Store, measured: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "features": f"encoder, {NETWORKS[shown.networks]}, averaged weights",
        "test set": "full",
        "clips": len(shown.index),
        "classes": [store.classes[label] for label in np.unique(shown.labels)],
        "t-SNE": {"perplexity": PERPLEXITY, "seed": SEED, "metric": "cosine"},
        "separability": measured,
    }


def _over_seeds(values: Sequence[float], form: str) -> str:
    deviation = f" ± {stdev(values):{form.lstrip('+')}}" if len(values) > 1 else ""
    return f"{mean(values):{form}}{deviation}"


def _bar(cell: Cell) -> Bar | None:
    found = cell.summary
    return Bar(found.mean, found.deviation, found.n, cell.paper) if found else None


def _named(stem: Path, ending: str) -> Path:
    return stem.with_name(f"{stem.name}{ending}")
