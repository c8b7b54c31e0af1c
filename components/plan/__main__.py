"""`python -m components.plan`: see `command`."""

import sys

from ..ending import ending

if __name__ == "__main__":
    sys.exit(ending("longshore plan", f"{__package__}.command", sys.argv[1:], failed=2))
