"""The experiments, by name."""

from difflib import get_close_matches

from psp.errors import ConfigError
from psp.reproduce.experiment import Experiment
from psp.reproduce.figure5 import FIGURE5
from psp.reproduce.figure6 import FIGURE6
from psp.reproduce.figure8 import FIGURE8
from psp.reproduce.recipe import RECIPE
from psp.reproduce.table2 import TABLE2
from psp.reproduce.table3 import TABLE3
from psp.reproduce.table4 import FIGURE7, TABLE4

EXPERIMENTS = {
    experiment.name: experiment for experiment in (TABLE2, TABLE3, TABLE4, FIGURE5, FIGURE6, FIGURE7, FIGURE8, RECIPE)
}


def experiment_by_name(name: str) -> Experiment:
    """Return an experiment; an unknown name raises ConfigError with the nearest one."""
    if name in EXPERIMENTS:
        return EXPERIMENTS[name]
    near = get_close_matches(name, EXPERIMENTS, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else f"Choose one of {', '.join(EXPERIMENTS)}."
    raise ConfigError(f"there is no experiment {name!r}.", remedy=remedy)
