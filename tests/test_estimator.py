# ruff: noqa: N803, N806 (X, as scikit-learn calls it)
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted, validate_data

from psp import estimator
from psp.batches.batch import BatchSizes
from psp.deploy.load import load
from psp.errors import CheckpointError, ConfigError, LayoutError, PSPError
from psp.estimator import SkeletonClassifier
from psp.evaluate.arrays import InputError
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout
from runs import SMALL_RUN, with_stage

THREE = Layout.from_graph("three", ["a", "b", "c"], [("a", "b"), ("b", "c")])
NOT_APPLICABLE = {
    "check_do_not_raise_errors_in_init_or_set_params": "the type checker of the tests refuses wrong types in __init__",
    "check_classifiers_classes": "its classes are -1 and 1, but -1 means unlabelled here",
    "check_methods_subset_invariance": "it allows 1e-7; sums in single precision differ with the size of the batch",
    "check_methods_sample_order_invariance": "the same, with the order of the batch",
    "check_classifiers_train": "it asks for an accuracy of 83 %, which a training of a few steps does not reach",
}


def clips(count: int = 24, channels: int = 2) -> tuple[list[np.ndarray], np.ndarray]:
    """Coco17 clips of several lengths; the class shows in the direction in which a wrist moves."""
    draw, labels = np.random.default_rng(0), np.arange(count) % 3
    pose, found = draw.normal(size=(17, channels)), []
    for number, label in enumerate(labels):
        joints = pose + draw.normal(0, 0.05, (8 + number % 5, 17, channels))
        joints[:, 9, 0] += np.linspace(0, 1, len(joints)) * (label - 1) * 2
        found.append(joints)
    return found, labels


@pytest.fixture
def quick(monkeypatch):
    """A training of a few steps instead of a preset."""

    def config(task, preset, *, method, size, epochs, seed, init):
        config = with_stage(SMALL_RUN, epochs=epochs or 1, batch=BatchSizes(8, 64, "train"))
        return replace(config, seed=seed)

    monkeypatch.setattr(estimator, "preset_config", config)


@pytest.fixture(scope="module")
def fitted():
    """The preset `best`, trained on nine labels of 24 clips."""
    X, y = clips()
    return SkeletonClassifier(epochs=20, random_state=0).fit(X, np.where(np.arange(24) < 9, y, -1))


@pytest.mark.slow
def test_few_labels_are_enough_for_an_easy_task(fitted):
    X, y = clips()
    assert fitted.score(X, y) > 0.9
    assert fitted.classes_.tolist() == [0, 1, 2]
    assert fitted.predict(X).dtype == y.dtype
    probabilities = fitted.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    assert fitted.transform(X).shape[0] == 24
    assert fitted.n_features_in_ == 34
    assert [line["step"] for line in fitted.history_] == [1, 10, 20, 30, 40]
    assert {"loss", "classification", "accuracy"} <= set(fitted.history_[0])


def test_clips_without_a_label_do_not_count_in_the_score(fitted):
    X, y = clips()
    some = np.where(np.arange(24) < 9, y, -1)
    right = fitted.predict(X)[:9] == y[:9]
    assert fitted.score(X, some) == fitted.score(X[:9], y[:9]) == right.mean()
    weights = np.arange(24.0)
    assert fitted.score(X, some, weights) == pytest.approx(np.average(right, weights=weights[:9]))
    with pytest.raises(InputError, match="no clip has a label"):
        fitted.score(X, np.full(24, -1))
    with pytest.raises(InputError, match="there are 24 clips"):
        fitted.score(X, y[:9])
    with pytest.raises(InputError, match="there are 24 clips, but sample_weight has the shape"):
        fitted.score(X, y, weights[:9])
    assert fitted.score(X, y.astype(object)) == fitted.score(X, y)


def test_a_saved_classifier_predicts_alike_here_and_as_a_recogniser(fitted, tmp_path):
    X, _ = clips()
    fitted.save(tmp_path / "model.safetensors")
    again = SkeletonClassifier.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert again.classes_.dtype == fitted.classes_.dtype
    assert {**again.get_params(), "layout": "coco17"} == fitted.get_params()
    recogniser = load(tmp_path / "model.safetensors")
    assert recogniser.classes == ("0", "1", "2")
    np.testing.assert_allclose(recogniser.predict(X), fitted.predict_proba(X), atol=1e-5)


def test_joints_not_observed_have_no_influence(fitted):
    X, y = clips()
    for number, clip in enumerate(X):
        clip[number % len(clip), 4] = np.nan
    assert fitted.score(X, y) > 0.9


def test_masked_joints_are_joints_not_observed(fitted):
    X, _ = clips()
    mask = np.zeros(X[0].shape, dtype=bool)
    mask[:, 4] = True
    missing = np.where(mask, np.nan, X[0])
    expected = fitted.predict_proba([missing])
    np.testing.assert_array_equal(fitted.predict_proba([np.ma.masked_array(X[0], mask)]), expected)
    np.testing.assert_array_equal(fitted.predict_proba(np.ma.masked_array([X[0]], [mask])), expected)
    assert not np.array_equal(fitted.predict_proba(X[:1]), expected)


@pytest.mark.usefixtures("quick")
def test_parameters_of_other_types_are_saved(tmp_path):
    X, y = clips()
    given = {"epochs": np.int64(1), "random_state": np.int64(3), "device": torch.device("cpu")}
    SkeletonClassifier(**given).fit(X, y).save(tmp_path / "first.safetensors")
    second = SkeletonClassifier(init=tmp_path / "first.safetensors").fit(X, y)
    second.save(tmp_path / "second.safetensors")
    first = SkeletonClassifier.load(tmp_path / "first.safetensors")
    assert (first.epochs, first.random_state, first.device) == (1, 3, "cpu")
    assert SkeletonClassifier.load(tmp_path / "second.safetensors").init == str(tmp_path / "first.safetensors")


STATE = """
import random, signal, sys
import numpy as np, torch
from psp.estimator import SkeletonClassifier

def state():
    backends = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    threads = torch.get_num_threads(), torch.get_num_interop_threads()
    modes = torch.is_grad_enabled(), torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled()
    generators = random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()
    return generators, backends, handlers, threads, modes

before, X = state(), np.random.default_rng(0).normal(size=(6, 5, 17, 2))
trained = SkeletonClassifier(epochs=1).fit(X, [0, 1, 0, 1, -1, -1])
trained.transform(X), trained.predict(X)
trained.save(sys.argv[1])
SkeletonClassifier.load(sys.argv[1]).predict(X)
assert state() == before
"""


@pytest.mark.slow
def test_it_leaves_the_process_as_it_was(tmp_path):
    subprocess.run([sys.executable, "-c", STATE, tmp_path / "model.safetensors"], check=True)


@pytest.mark.usefixtures("quick")
def test_equal_seeds_give_equal_classifiers_and_others_do_not():
    X, y = clips()
    first, same, other = (
        SkeletonClassifier(random_state=seed).fit(X, y).predict_proba(X)
        for seed in (3, np.random.RandomState(0).randint(1) + 3, 4)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["wave", "kick", -1], ["kick", "wave"]),
        (np.array(["wave", "kick", "-1"], dtype=object), ["kick", "wave"]),
        ([True, False, -1], [0, 1]),
        ([1.0, 2.0, -1.0], [1.0, 2.0]),
        ([5, 7, -1], [5, 7]),
    ],
)
def test_labels_may_be_of_any_type(labels, classes):
    X, _ = clips(6)
    trained = SkeletonClassifier().fit(X, np.resize(labels, 6))
    assert trained.classes_.tolist() == classes
    assert set(trained.predict(X)) <= set(classes)


@pytest.mark.usefixtures("quick")
def test_all_forms_of_clips_are_the_same():
    X = np.stack([clip[:8] for clip in clips(6)[0]])
    y = np.arange(6) % 2
    forms = [list(X), X, X[:, None], list(X[:, None]), X.reshape(6, 8, 34).swapaxes(1, 2), X.tolist()]
    found = [SkeletonClassifier(random_state=0).fit(form, y).predict_proba(form) for form in forms]
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


@pytest.mark.usefixtures("quick")
def test_recordings_in_space_and_own_layouts():
    X, y = clips(channels=3)
    trained = SkeletonClassifier("h36m17", up="-y").fit(X, y)
    assert (trained.model_.interface.up, trained.model_.interface.channels) == ("-y", 3)
    draw = np.random.default_rng(0)
    two = [draw.normal(size=(2, 7, 3, 3)) for _ in range(6)]
    assert SkeletonClassifier(THREE).fit(two, y[:6]).predict(two).shape == (6,)
    assert SkeletonClassifier(layout_by_name("coco17")).fit(clips()[0], y).model_.interface.up == "-y"


@pytest.mark.usefixtures("quick")
def test_it_works_inside_scikit_learn():
    X, y = clips()
    assert cross_val_score(SkeletonClassifier(random_state=0), X, y, cv=2).shape == (2,)
    pipeline = make_pipeline(SkeletonClassifier(random_state=0), LogisticRegression()).fit(X, y)
    assert pipeline.predict(X).shape == (24,)
    assert clone(SkeletonClassifier(THREE, epochs=3)).get_params()["layout"] == THREE


class NA:
    """Like pandas.NA, whose comparisons are neither true nor false."""

    __hash__ = None

    def __eq__(self, other):
        return self

    def __ne__(self, other):
        return self

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (X, y[:5]), "24 clips, but y has the shape"),
        (lambda X, y: (X, None), "requires y to be passed"),
        (lambda X, y: (X, np.full(24, -1)), "no clip has a label"),
        (lambda X, y: (X, np.where(y == 1, 1, -1)), "are of 1 class"),
        (lambda X, y: (X, np.where(y == 1, 1.0, np.nan)), "labels are NaN or empty"),
        (lambda X, y: (X, [""] * 12 + ["wave"] * 12), "labels are NaN or empty"),
        (lambda X, y: (X, [None] * 12 + ["wave"] * 12), "Unknown label type"),
        (lambda X, y: (X, np.array([NA()] * 12 + ["wave"] * 12, dtype=object)), "labels are NaN or empty"),
        (lambda X, y: ([*X[:23], np.ones((5, 16, 2))], y), "clip 23: the shape"),
        (lambda X, y: ([*X[:23], np.ones((0, 17, 2))], y), "clip 23: the recording has no frames"),
        (lambda X, y: ([*X[:23], np.ones((5, 17, 3))], y), "some clips have two coordinates"),
        (lambda X, y: ([*X[:23], np.full((5, 17, 2), np.nan)], y), "clip 23: no joint was observed"),
        (lambda X, y: ([*X[:23], np.full((5, 17, 2), 1j)], y), "Complex data not supported"),
        (lambda X, y: ([], []), "no clip has a label"),
        (lambda X, y: (None, y), "clips of type NoneType"),
    ],
)
def test_other_input_is_refused_in_one_sentence(change, message):
    with pytest.raises(InputError, match=message) as error:
        SkeletonClassifier().fit(*change(*clips()))
    assert isinstance(error.value, ValueError)
    assert isinstance(error.value, PSPError)


def test_impossible_parameters_are_refused(tmp_path):
    X, y = clips()
    with pytest.raises(LayoutError, match="Did you mean"):
        SkeletonClassifier("coco71").fit(X, y)
    with pytest.raises(ConfigError, match="psp-meanteacher"):
        SkeletonClassifier(method="psp-meanteacher").fit(X, y)
    for name in ("preset", "size", "up"):
        with pytest.raises(ConfigError, match=f"no {name} '12'. Choose from"):
            SkeletonClassifier().set_params(**{name: "12"}).fit(X, y)
    wrong = {"epochs": (2.5, "3", True), "random_state": ("a", 1.5), "device": ("gpu", 3.5), "up": ("z", "-z")}
    for name, value in ((name, value) for name, values in wrong.items() for value in values):
        with pytest.raises(ConfigError, match=r"is not a number|no source of random|no device|is not an axis"):
            SkeletonClassifier().set_params(**{name: value}).fit(X, y)
    with pytest.raises(CheckpointError, match="no such file"):
        SkeletonClassifier.load(tmp_path / "absent.safetensors")


def test_an_unfitted_classifier_says_so(tmp_path):
    for method in ("predict", "predict_proba", "transform"):
        with pytest.raises(NotFittedError):
            getattr(SkeletonClassifier(), method)(clips()[0])
    with pytest.raises(NotFittedError):
        SkeletonClassifier().save(tmp_path / "model.safetensors")


class OnTables(SkeletonClassifier):
    """The classifier for tables of numbers, which scikit-learn's checks use: every two columns become a frame."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inputs = tags.input_tags
        inputs.two_d_array, inputs.three_d_array, inputs.allow_nan = True, False, False
        return tags

    def fit(self, X, y):
        X, y = validate_data(self, X, y)
        columns = self.n_features_in_
        super().fit(self._clips(X), y)
        self.n_features_in_ = columns
        return self

    def predict_proba(self, X):
        check_is_fitted(self)
        return super().predict_proba(self._clips(validate_data(self, X, reset=False)))

    def transform(self, X):
        check_is_fitted(self)
        return super().transform(self._clips(validate_data(self, X, reset=False)))

    def _clips(self, X):
        frames = -(-X.shape[1] // 2)
        joints = np.ones((len(X), frames, 3, 2))
        padded = np.pad(np.asarray(X, dtype=float), ((0, 0), (0, 2 * frames - X.shape[1])))
        joints[:, :, 0], joints[:, :, 1] = 0, padded.reshape(-1, frames, 2)
        return joints


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
@pytest.mark.filterwarnings("ignore")
def test_it_passes_the_checks_of_scikit_learn():
    results = check_estimator(OnTables(THREE), expected_failed_checks=NOT_APPLICABLE, on_fail=None, on_skip=None)
    assert not [each["check_name"] for each in results if each["status"] == "failed"]
    assert sum(each["status"] == "passed" for each in results) > 50
