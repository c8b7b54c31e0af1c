#!/usr/bin/env bash
# `import pulumi` fails in a thread while another thread imports a module of Pulumi.
#
# Versions: PyPI pulumi 3.272.0, CPython 3.11 or later.
# Expected: the second thread waits for the first one's import, and both succeed. Python has a lock for each module
#   that is imported, and two threads with `import pulumi` do wait.
# Seen: `from pulumi.runtime.rpc import UNKNOWN` in the second thread: both threads end with an ImportError about a
#   partially initialized module, the one with the plain `import pulumi`, too. The modules import each other in a
#   circle; each thread holds the lock that the other one needs, and Python breaks the tie with unfinished modules.
#   One `import pulumi` before the threads start avoids it.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q pulumi==3.272.0

cat >program.py <<'EOF'
import sys
import threading

ends = {}


def run(name, statement, ready):
    while not ready():
        pass
    try:
        exec(statement, {})
        ends[name] = "imported"
    except ImportError as error:
        cut = "partially initialized module" in str(error)
        ends[name] = "ImportError, partially initialized module" if cut else str(error)


def pair(second, before=""):
    ends.clear()
    exec(before, {})
    threads = [
        threading.Thread(target=run, args=("first", "import pulumi", lambda: True)),
        threading.Thread(target=run, args=("second", second, lambda: "pulumi" in sys.modules)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{before or 'nothing'} before, then {second}: first {ends['first']}; second {ends['second']}")


pair(*sys.argv[1:])
EOF
seen=$(
    venv/bin/python program.py "import pulumi"
    venv/bin/python program.py "from pulumi.runtime.rpc import UNKNOWN"
    venv/bin/python program.py "from pulumi.runtime.rpc import UNKNOWN" "import pulumi"
)

partial="ImportError, partially initialized module"
found="nothing before, then import pulumi: first imported; second imported
nothing before, then from pulumi.runtime.rpc import UNKNOWN: first $partial; second $partial
import pulumi before, then from pulumi.runtime.rpc import UNKNOWN: first imported; second imported"
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
