#!/usr/bin/env bash
# Pulumi's `set_mocks` fails in a process in which `asyncio.run` was called before.
#
# Versions: PyPI pulumi 3.272.0, CPython 3.11.
# Expected: `set_mocks` works in every test of a process, whatever other tests did: nothing in the documentation of
#   unit tests asks for an event loop.
# Seen: before any `asyncio.run` it works. Afterwards it ends with `RuntimeError: There is no current event loop`:
#   `set_mocks` registers the root stack at once, which makes futures of the thread's current loop, and
#   `asyncio.run` leaves the thread without one. So a unit test fails or passes with the order of tests.
#   `asyncio.set_event_loop(asyncio.new_event_loop())` before `set_mocks` avoids it.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q pulumi==3.272.0

cat >program.py <<'EOF'
import asyncio
import sys

import pulumi


class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        return "id", args.inputs

    def call(self, args):
        return {}


async def nothing():
    pass


for word in sys.argv[1:]:
    if word == "run":
        asyncio.run(nothing())
    if word == "loop":
        asyncio.set_event_loop(asyncio.new_event_loop())
try:
    pulumi.runtime.set_mocks(Mocks())
    end = "works"
except RuntimeError as error:
    end = f"RuntimeError: {str(error).partition(' in thread')[0]}"
print(f"{' '.join(sys.argv[1:]) or 'first'}: {end}")
EOF
seen=$(
    venv/bin/python program.py 2>/dev/null
    venv/bin/python program.py run 2>/dev/null
    venv/bin/python program.py run loop 2>/dev/null
)

found="first: works
run: RuntimeError: There is no current event loop
run loop: works"
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
