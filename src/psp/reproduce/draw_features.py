"""Figures 6 and 8 from the trained networks: what their features look like, and how well they keep classes apart."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from jaxtyping import Int64

from psp.files import write_json
from psp.dataset.store import Store
from psp.evaluate.embed import Embedding, Separability, embed_clips, separability
from psp.evaluate.trained import open_trained
from psp.figures.canvas import save
from psp.figures.tsne import PERPLEXITY, SEED, Cloud, tsne_figure
from psp.reproduce.experiment import Column
from psp.reproduce.place import Place
from psp.reproduce.run_folders import run_folders
from psp.reproduce.table import Stem, Table

VIEWS = {"shared": "mean of the views", "own": "views side by side"}

MOST_CLASSES = 10
"""Of a data set with more classes ten are drawn at random, as in figure 8 of the paper."""


def draw_features(table: Table, place: Place, stem: Stem) -> list[Path]:
    """For every column one picture of the full test set as PNG and SVG, and its figures as JSON.

    Drawn are the features of the first seed; the figures above are means over all seeds.
    """
    return [path for column in table.columns for path in _draw_column(table, place, column, stem([column]))]


def chosen_classes(labels: Int64[np.ndarray, "s"], most: int = MOST_CLASSES) -> list[int]:
    """The classes among `labels`, or `most` of them: always the same ones, in ascending order."""
    present = np.unique(labels)
    chosen = present if len(present) <= most else np.random.default_rng(SEED).choice(present, most, replace=False)
    return sorted(chosen.tolist())


def _draw_column(table: Table, place: Place, column: Column, stem: Path) -> list[Path]:
    clouds: dict[str, Cloud] = {}
    measured: list[dict[str, Any]] = []
    titles = {row.name: row.title for row in table.rows}
    for name, folders in run_folders(table, place, column).items():
        embeddings, store = _embed(folders, place.device)
        scores = {seed: separability(each.fused(), each.labels) for seed, each in embeddings.items()}
        shown = embeddings[min(embeddings)]
        clouds[titles[name]] = Cloud(shown.fused(), _figures(list(scores.values())))
        measured += [
            {"system": name, "seed": seed, "run": folders[seed].name, **asdict(score)} for seed, score in scores.items()
        ]
    if not clouds:
        return []
    *pictures, figures = (stem.with_name(f"{stem.name}-features{kind}") for kind in (".png", ".svg", ".json"))
    save(tsne_figure(clouds, shown.labels, store.classes), *pictures)
    write_json(figures, _as_plain(shown, store, measured))
    return [*pictures, figures]


def _embed(folders: Mapping[int, Path], device: str) -> tuple[dict[int, Embedding], Store]:
    found = {}
    for seed, folder in sorted(folders.items()):
        trained = open_trained(folder, device=device)
        rows = trained.tests()
        labels = trained.store.clips.label[rows]
        rows = rows[np.isin(labels, chosen_classes(labels))]
        found[seed] = embed_clips(trained.network, trained.batches, rows)
    return found, trained.store


def _figures(scores: Sequence[Separability]) -> str:
    silhouettes, neighbours = ([getattr(each, name) for each in scores] for name in ("silhouette", "neighbours"))
    seeds = f" ({len(scores)} seeds)" if len(scores) > 1 else ""
    return f"silhouette {_over_seeds(silhouettes, 2)}\n5 neighbours {_over_seeds(neighbours, 1)} %{seeds}"


def _over_seeds(values: Sequence[float], digits: int) -> str:
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{spread}"


def _as_plain(shown: Embedding, store: Store, measured: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "features": f"encoder, {VIEWS[shown.networks]}, averaged weights",
        "test set": "full",
        "clips": len(shown.clips),
        "classes": [store.classes[label] for label in np.unique(shown.labels)],
        "t-SNE": {"perplexity": PERPLEXITY, "seed": SEED, "metric": "cosine"},
        "separability": measured,
    }
