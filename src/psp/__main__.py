"""`python -m psp`."""

import sys

from psp.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
