"""The options of `psp train`: those of the function, and the settings of the chosen method and its stages."""

from collections.abc import Sequence
from inspect import signature
from pathlib import Path

from jsonargparse import ArgumentParser

from psp.batches.batch import BatchSizes, DataConfig
from psp.cli.options import parse_arguments, parser_of
from psp.cli.train import FOLDS, train
from psp.config.override import changes_from_file
from psp.config.ranges import require_choice
from psp.methods import METHODS
from psp.model.backbone import ModelConfig
from psp.skeleton.catalogue import layout_by_name
from psp.train.config import RuntimeConfig, TrainConfig
from psp.train.optim import OptimConfig
from psp.train.presets import PRESETS, DataFacts, with_method


def run_train(arguments: Sequence[str]) -> int | None:
    """Parse the arguments of `psp train` and run it."""
    named = {name: _value_of(arguments, f"--{name}") for name in ("preset", "method")}
    if path := _value_of(arguments, "--config"):
        changes_from_file(Path(path))  # refused here if it cannot be read, has aliases or is no file at all
    parser = train_parser(named["preset"], named["method"])
    rest = _without(arguments, "--method")
    options = parse_arguments(parser, rest).as_dict()
    given = parse_arguments(parser, rest, defaults=False).as_dict()
    own = {name: options[name] for name in signature(train).parameters if name in options and name != "method"}
    settings = {name: value for name, value in given.items() if name not in own and name not in ("config", "cfg")}
    return train(**own, method=named["method"], settings=settings or None)


def train_parser(preset: str | None = None, method: str | None = None) -> ArgumentParser:
    """Return the parser of `psp train`, with the settings of a method and its stages.

    If a method needs two stages, the settings of the first have the name of that stage in front.
    """
    parser = parser_of(
        train, "train", optional_positionals=("store",), without=("method", "settings"), bare={"estimate": FOLDS}
    )
    names = ", ".join(METHODS)
    parser.description = f"{parser.description}\n\n--method NAME chooses the training method: {names}."
    parser.add_argument("--config", action="config", help="YAML file of settings, in the form of the options")
    for name, kind in {"model": ModelConfig, "data": DataConfig, "runtime": RuntimeConfig}.items():
        parser.add_argument(f"--{name}", type=kind)
    config = _assumed(preset, method)
    for stage in reversed(config.stages):
        inside = "" if stage is config.last else f"{stage.name}."
        for name, kind in {"method": type(stage.method), "optim": OptimConfig, "batch": BatchSizes}.items():
            parser.add_argument(f"--{inside}{name}", type=kind)
        parser.add_argument(f"--{inside}steps_per_epoch", type=int, help="default: a pass over the unlabelled clips")
        parser.add_argument(f"--{inside}ema", type=float, help="decay of the averaged weights")
        parser.add_argument(f"--{inside}initialise", type=str, help="scratch, backbone or a model.safetensors")
    return parser


def _assumed(preset: str | None, method: str | None) -> TrainConfig:
    """Return a configuration with the stages and methods that the arguments name."""
    if method:
        require_choice(method, "method", METHODS)
    make = {str(name): make for name, make in PRESETS.items()}.get(preset or "best", PRESETS["best"])
    return with_method(make(DataFacts(0, 0, layout_by_name("ntu25")), "light"), method)


def _value_of(arguments: Sequence[str], option: str) -> str | None:
    """Return the value of the last `OPTION VALUE` or `OPTION=VALUE`."""
    found = None
    for number, each in enumerate(arguments):
        if each == option and number + 1 < len(arguments):
            found = arguments[number + 1]
        elif each.startswith(f"{option}="):
            found = each.partition("=")[2]
    return found


def _without(arguments: Sequence[str], option: str) -> list[str]:
    """Return the arguments without `OPTION VALUE` and `OPTION=VALUE`."""
    kept: list[str] = []
    skip = False
    for each in arguments:
        if not skip and each != option and not each.startswith(f"{option}="):
            kept.append(each)
        skip = each == option and not skip
    return kept
