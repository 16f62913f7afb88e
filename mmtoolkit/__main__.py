"""``python -m mmtoolkit`` is the command line."""

import sys

from mmtoolkit.cli import main

if __name__ == "__main__":
    sys.exit(main())
