"""``python -m genexp VERB [--parameter value ...]``."""

import sys

from genexp.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
