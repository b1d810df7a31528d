"""`python -m flan_mixtures`: the command `flan-mixtures` where it is not on the path."""

import sys

from flan_mixtures.main import main

if __name__ == "__main__":
    sys.exit(main())
