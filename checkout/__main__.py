"""`python -m checkout`: see `command`."""

import sys

from components.ending import ending

if __name__ == "__main__":
    sys.exit(ending("error", f"{__package__}.command", sys.argv[1:], failed=1))
