"""Measure the speed of this machine; every measurement prints a table and can write JSON.

python -m benchmarks step --sizes tiny small --out step.json
"""

import sys
from collections.abc import Mapping, Sequence

from benchmarks.active_selection import active_selection
from benchmarks.calibration import calibrate
from benchmarks.gpu import gpu
from benchmarks.input import input
from benchmarks.label_page import label_page
from benchmarks.memory import memory
from benchmarks.methods import methods
from benchmarks.own_recordings import own_recordings
from benchmarks.prepare_ntu import prepare_ntu
from benchmarks.pretraining import pretraining
from benchmarks.ranks import ranks
from benchmarks.scale import scale
from benchmarks.step import step
from benchmarks.time_to_accuracy import time_to_accuracy
from benchmarks.use import use
from psp.cli.options import Command, parse_arguments, parser_of
from psp.errors import ConfigError, PSPError

MEASUREMENTS: Mapping[str, Command] = {
    "step": step,
    "input": input,
    "use": use,
    "scale": scale,
    "ranks": ranks,
    "memory": memory,
    "methods": methods,
    "time-to-accuracy": time_to_accuracy,
    "prepare-ntu": prepare_ntu,
    "own-recordings": own_recordings,
    "pretraining": pretraining,
    "gpu": gpu,
    "active-selection": active_selection,
    "label-page": label_page,
    "calibration": calibrate,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one measurement; return 0, or 2 for errors that the user can correct."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words[0] if words else "--help"
    if name in ("-h", "--help"):
        sys.stdout.write(f"{__doc__}\nMeasurements: {', '.join(MEASUREMENTS)}. See NAME --help.\n")
        return 0
    try:
        if name not in MEASUREMENTS:
            raise ConfigError(f"there is no measurement {name!r}.", remedy=f"Choose from {', '.join(MEASUREMENTS)}.")
        parser = parser_of(MEASUREMENTS[name], name)
        parser.prog = f"python -m benchmarks {name}"
        MEASUREMENTS[name](**parse_arguments(parser, words[1:]).as_dict())
    except PSPError as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
