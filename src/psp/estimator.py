"""A classifier of skeleton recordings with the interface of scikit-learn."""

from dataclasses import replace
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any, get_args

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from psp.config.ranges import require_choice
from psp.dataset.budget import LabelBudget
from psp.dataset.split import Split
from psp.dataset.store import Store
from psp.errors import CheckpointError, ConfigError
from psp.evaluate.arrays import AS_GIVEN, InputError, recordings_of, store_of
from psp.evaluate.embed import embed_clips
from psp.evaluate.predict import maker_for, predict_store
from psp.evaluate.trained import open_model
from psp.model.encoder import Size
from psp.model.model_file import TrainedModel
from psp.preprocess.normalise import NormaliseConfig
from psp.preprocess.prepare import prepare_recording
from psp.skeleton.catalogue import open_layout
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Recording, Up
from psp.train.api import preset_config
from psp.train.presets import PRESETS, PresetName
from psp.train.run import Run
from psp.train.run_folder import Task
from psp.train.trainer import Progress

UNLABELLED = -1
PARAMETERS = ("up", "method", "preset", "size", "epochs", "init", "random_state", "device")
"""The parameters that a saved model keeps, besides the layout."""

CHOICES = {"preset": tuple(PRESETS), "size": get_args(Size), "up": get_args(Up)}


class SkeletonClassifier(ClassifierMixin, TransformerMixin, BaseEstimator):
    """Recognises actions in skeleton recordings of which only a few are labelled.

    >>> classifier = SkeletonClassifier(layout="coco17", random_state=0).fit(X, y)  # y = -1: unlabelled
    >>> classifier.predict(X_new)

    X is a list of arrays (t, v, c), or (m, t, v, c) for m persons: t frames, v joints and c = 2 or 3 coordinates; clips
    may differ in length. X may also be one array of clips of equal length, or the array (n, v * c, t) of aeon, where
    the channels are x, y (and z) of joint 0, then of joint 1. NaN or a mask means that a joint was not observed.
    Training needs no files and does not change random states, signal handlers or settings of PyTorch.

    Args:
        layout: the layout of the joints - a built-in name (`psp layouts`), a YAML file or a Layout
        up: the axis that points up, by default y, for two coordinates -y (image coordinates); none for images from
            above
        method: the training method, by default that of the preset
        preset: the settings - best, paper or published
        size: the size of the network, by default that of the preset
        epochs: the length of training, by default that of the preset
        init: what training starts from - made (encoders that `psp pretrain` made for the layout), none, or a finished
            run or model file; by default made encoders where there are some
        random_state: a whole number for reproducible results, a RandomState, or None
        device: auto, cpu or cuda

    Attributes:
        classes_: the classes in the order of the probabilities
        history_: loss and metrics of every logged training step
        model_: the trained model
        n_features_in_: v * c, the number of coordinates of a person in a frame
    """

    def __init__(
        self,
        layout: str | Path | Layout = "coco17",
        *,
        up: Up | None = None,
        method: str | None = None,
        preset: PresetName = "best",
        size: Size | None = None,
        epochs: int | None = None,
        init: str | Path | None = None,
        random_state: int | np.random.RandomState | None = None,
        device: str = "auto",
    ) -> None:
        self.layout = layout
        self.up = up
        self.method = method
        self.preset = preset
        self.size = size
        self.epochs = epochs
        self.init = init
        self.random_state = random_state
        self.device = device

    def fit(self, X: Any, y: Any) -> "SkeletonClassifier":  # noqa: N803
        """Train on clips X with labels y and return the classifier; the label -1 (or the text "-1") means unlabelled.

        InputError, a ValueError, for a clip that does not fit, unequal lengths of X and y, or fewer than two classes.
        """
        self._check_parameters()
        layout, seed = open_layout(self.layout), _seed(self.random_state)
        recordings = recordings_of(X, layout, self.up)
        labels, unlabelled = _checked_labels(y, len(recordings))
        classes, numbers = np.unique(labels[~unlabelled], return_inverse=True)
        if len(classes) < 2:
            what = f"the labelled clips are of {len(classes)} class, at least two are needed."
            raise InputError(what, where="y", remedy="Label clips of other classes.")
        index = np.full(len(labels), UNLABELLED)
        index[~unlabelled] = numbers
        task = _task(_store(recordings, index, layout, [str(each) for each in classes.tolist()]), seed)
        config = preset_config(
            task, self.preset, method=self.method, size=self.size,
            epochs=None if self.epochs is None else int(self.epochs), seed=seed, init=self.init,
        )  # fmt: skip
        run, history = Run(task, config, None, self.device), list[dict[str, Any]]()
        run.train(lambda now: _note(now, history), handle_signals=False)
        self.classes_, self.history_ = classes, history
        self._keep(run.model())
        return self

    def predict_proba(self, X: Any) -> Float64[np.ndarray, "n k"]:  # noqa: N803
        """Return the probabilities of the classes for every clip."""
        found = predict_store(self._fitted(), self._prepared(X)).double().numpy()
        return found / found.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> Shaped[np.ndarray, "n"]:  # noqa: N803
        """Return the most probable class of every clip."""
        best = self.predict_proba(X).argmax(axis=1)
        found: np.ndarray = self.classes_[best]
        return found

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        """Return the accuracy on the labelled clips, with the weights (n,) of all clips; -1 means unlabelled.

        InputError for unequal lengths of X, y and the weights, or if no clip is labelled.
        """
        predicted = self.predict(X)
        labels, unlabelled = _checked_labels(y, len(predicted))
        weights = np.ones(len(predicted)) if sample_weight is None else sample_weight
        counted = _per_clip(weights, "sample_weight", len(predicted))[~unlabelled]
        return float(accuracy_score(labels[~unlabelled], predicted[~unlabelled], sample_weight=counted))

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the features (n, d) of the encoder for every clip, for other estimators."""
        model, store = self._fitted(), self._prepared(X)
        return embed_clips(model.predictor, maker_for(model, store), np.arange(len(store))).fused()

    def save(self, path: str | PathLike[str]) -> None:
        """Write the trained model as one .safetensors file, which `load`, `psp.load` and the command line read."""
        model = self._fitted()
        parameters = {name: getattr(self, name) for name in PARAMETERS}
        parameters |= {name: None if parameters[name] is None else str(parameters[name]) for name in ("init", "device")}
        for name in ("epochs", "random_state"):
            parameters[name] = int(parameters[name]) if isinstance(parameters[name], Integral) else None
        facts = {**model.interface.facts, "estimator": {"classes": self.classes_.tolist(), "parameters": parameters}}
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        TrainedModel(model.predictor, replace(model.interface, facts=facts)).save(Path(path))

    @classmethod
    def load(cls, path: str | PathLike[str], device: str = "cpu") -> "SkeletonClassifier":
        """Return a fitted classifier from a file that `save` or 'psp train' wrote."""
        model = open_model(Path(path), device=device)
        known = model.interface.facts.get("estimator", {"classes": model.interface.classes, "parameters": {}})
        try:
            found = cls(model.interface.layout, **known["parameters"])
            found.classes_ = np.array(known["classes"])
        except (KeyError, TypeError) as error:
            what = "the model was saved by another version of psp."
            remedy = "Use that version, or train a new model."
            raise CheckpointError(what, where=str(path), remedy=remedy) from error
        found.history_ = []
        found._keep(model)
        return found

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array, tags.input_tags.allow_nan = False, True, True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _check_parameters(self) -> None:
        for name, known in CHOICES.items():
            if (value := getattr(self, name)) is not None or name == "preset":
                require_choice(value, name, known)
        if self.epochs is not None and (not isinstance(self.epochs, Integral) or isinstance(self.epochs, bool)):
            what = f"{self.epochs!r} is not a number of epochs."
            raise ConfigError(what, where="epochs", remedy="Give a whole number of 1 or more.")

    def _keep(self, model: TrainedModel) -> None:
        self.model_ = model
        self.n_features_in_ = len(model.interface.layout.joints) * model.interface.channels

    def _fitted(self) -> TrainedModel:
        check_is_fitted(self, "model_")
        return self.model_

    def _prepared(self, X: Any) -> Store:  # noqa: N803
        """Return clips as a data set prepared for the model; InputError if there is none."""
        interface = self._fitted().interface
        recordings = recordings_of(X, interface.layout, interface.up, interface.channels)
        if not recordings:
            raise InputError("there is no clip.", where="X", remedy="Give at least one clip.")
        return store_of(recordings, interface)


def _seed(random_state: Any) -> int:
    """Return a seed; NumPy's global random state is not used. ConfigError for what is none of the three kinds."""
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if not isinstance(random_state, Integral):
        remedy = "Give a whole number, a RandomState or None."
        raise ConfigError(f"{random_state!r} is no source of random numbers.", where="random_state", remedy=remedy)
    return int(random_state)


def _per_clip(values: Any, name: str, clips: int) -> Shaped[np.ndarray, "n"]:
    """Return values as an array; InputError unless there is one for every clip."""
    array = np.asarray(values)
    if array.shape != (clips,):
        what = f"there are {clips} clips, but {name} has the shape {array.shape}."
        raise InputError(what, where=name, remedy="Give one value for every clip.")
    return array


def _checked_labels(y: Any, clips: int) -> tuple[Shaped[np.ndarray, "n"], Bool[np.ndarray, "n"]]:
    """Return the labels and a mask of the unlabelled clips; InputError if the labels do not fit."""
    if y is None:
        what, remedy = "requires y to be passed, but the target y is None.", "Give a label for every clip, -1 for none."
        raise InputError(what, where="fit", remedy=remedy)
    labels = _per_clip(y, "y", clips)
    if labels.dtype == object and all(isinstance(each, Integral) for each in labels):
        labels = labels.astype(np.int64)
    if any(_is_missing(each) for each in labels.tolist()):
        raise InputError("some labels are NaN or empty.", where="y", remedy="Use -1 for clips without a label.")
    unlabelled = np.array([each in (UNLABELLED, str(UNLABELLED)) for each in labels.tolist()], dtype=bool)
    if unlabelled.all():
        what = "no clip has a label."
        raise InputError(what, where="y", remedy="Label some clips of every class.")
    if labels.dtype == object and any(not isinstance(each, str) for each in labels[~unlabelled]):
        what, remedy = "Unknown label type: the labels are of different types.", "Use -1 for clips without a label."
        raise InputError(what, where="y", remedy=remedy)
    check_classification_targets(labels[~unlabelled])
    return labels, unlabelled


def _is_missing(label: Any) -> bool:
    """Return whether a label is empty, NaN or pandas.NA, which cannot be compared."""
    try:
        return bool(label == "" or label != label)
    except TypeError:
        return True


def _store(recordings: list[Recording], labels: Int64[np.ndarray, "n"], layout: Layout, classes: list[str]) -> Store:
    """Return the recordings with their labels as a data set in memory."""
    normalise, clips = NormaliseConfig(), []
    for recording, label in zip(recordings, labels.tolist(), strict=True):
        info = replace(recording.info, label=None if label == UNLABELLED else label)
        clips.append(prepare_recording(replace(recording, info=info), layout, AS_GIVEN, normalise)[0])
    up = normalise.vertical(recordings[0].up)
    return Store.in_memory(clips, layout, classes, up=up, normalise=normalise, clean=AS_GIVEN)


def _task(store: Store, seed: int) -> Task:
    """Return the task of training on all clips with all labels."""
    ids = store.clips.id
    split = Split("fit", tuple(sorted(ids.tolist())), {})
    return Task(store, split, LabelBudget("given", "fit", seed, tuple(sorted(ids[store.clips.label >= 0].tolist()))))


def _note(now: Progress, history: list[dict[str, Any]]) -> None:
    if now.reading.step == now.step:
        history.append({"stage": now.stage, "step": now.step, "loss": now.reading.loss, **now.reading.metrics})
