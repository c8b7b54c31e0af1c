"""`python -m components.migrate`: see `command`."""

import sys

from ..ending import ending

if __name__ == "__main__":
    sys.exit(ending("error", f"{__package__}.command", sys.argv[1:], failed=1))
