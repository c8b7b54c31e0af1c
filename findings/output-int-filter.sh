#!/usr/bin/env bash
# Jinja2's `int` filter renders a Pulumi output as 0.
#
# Versions: PyPI pulumi 3.272.0, Jinja2 3.1.6.
# Expected: `listen {{ port | int }}` with an output as `port` raises TypeError, as Python's `int` does, most
#   of all with `StrictUndefined`. The filter reads like a check that the port is a number.
# Seen: "listen 0", a valid line that makes a server choose a random port. The filter answers its default, 0,
#   to every TypeError. Without the filter the line at least holds Pulumi's explanation of the mistake.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q pulumi==3.272.0 Jinja2==3.1.6

cat >program.py <<'EOF'
import asyncio

import pulumi
from jinja2 import Environment, StrictUndefined


async def main():
    port = pulumi.Output.from_input(8080)
    templates = Environment(undefined=StrictUndefined)
    try:
        int(port)
    except TypeError as error:
        print("Python:", type(error).__name__)
    print("filter:", templates.from_string("listen {{ port | int }};").render(port=port))
    plain = templates.from_string("listen {{ port }};").render(port=port)
    print("no filter:", plain.splitlines()[0])


asyncio.run(main())
EOF
seen=$(venv/bin/python program.py 2>/dev/null) || true

found="Python: TypeError
filter: listen 0;
no filter: listen Calling __str__ on an Output[T] is not supported."
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
