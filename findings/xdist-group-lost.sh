#!/usr/bin/env bash
# With pytest 9.2, pytest-xdist 3.8 runs the tests of one `xdist_group` on several workers.
#
# Versions: PyPI pytest 9.1.0 and 9.2.0, pytest-xdist 3.8.0.
# Expected: `--dist loadgroup` keeps a group on one worker with every pytest that pip accepts, or fails.
# Seen: with 9.1 the eight tests run on one worker. With 9.2 they are spread over both, and the run
#   is as green as before: xdist marks the group in a test's id, which 9.2 keeps elsewhere.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
cat >test_group.py <<'EOF'
import threading

import pytest

lines = threading.Lock()


@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(8))
def test_of_the_group(number, worker_id):
    with open("workers", "a") as file:
        file.write(f"{worker_id}\n")
EOF
seen=""
for version in 9.1.0 9.2.0; do
    python3 -m venv "venv-$version"
    "venv-$version/bin/pip" install -q "pytest==$version" pytest-xdist==3.8.0
    rm -f workers
    result=$("venv-$version/bin/python" -m pytest -q -n 2 --dist loadgroup -p no:cacheprovider 2>&1 |
        grep -o '[0-9]* passed') || true
    workers=$(sort -u workers | wc -l)
    seen+="pytest $version: $result, workers: $workers"$'\n'
done
seen=${seen%$'\n'}

found="pytest 9.1.0: 8 passed, workers: 1
pytest 9.2.0: 8 passed, workers: 2"
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
