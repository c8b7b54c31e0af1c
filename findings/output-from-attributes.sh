#!/usr/bin/env bash
# A pydantic model with `from_attributes` accepts a Pulumi output for any fields, even misspelt ones.
#
# Versions: PyPI pulumi 3.272.0, pydantic 2.14.4.
# Expected: `Endpoint.model_validate(output)` refuses the output, as it refuses any object that lacks a
#   required field.
# Seen: an output answers every attribute with another output, so validation always succeeds. The wrong name
#   only fails when the value arrives, outside pydantic.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q pulumi==3.272.0 pydantic==2.14.4

cat >program.py <<'EOF'
import asyncio
from types import SimpleNamespace

import pulumi
from pydantic import BaseModel, ConfigDict, ValidationError


class Endpoint(BaseModel):
    model_config = ConfigDict(from_attributes=True, arbitrary_types_allowed=True)

    address: pulumi.Output
    prot: pulumi.Output


async def main():
    address = pulumi.Output.from_input("192.0.2.9")
    try:
        Endpoint.model_validate(SimpleNamespace(address=address))
    except ValidationError as error:
        print("object:", *(f"{each['loc'][0]} {each['type']}" for each in error.errors()))

    server = pulumi.Output.from_input(SimpleNamespace(address="192.0.2.9"))
    endpoint = Endpoint.model_validate(server)
    print("output: accepted with", *sorted(endpoint.model_fields_set))
    print("address:", await endpoint.address.future())
    try:
        await endpoint.prot.future()
    except AttributeError as error:
        print("prot:", type(error).__name__)


asyncio.run(main())
EOF
seen=$(venv/bin/python program.py 2>&1) || true

found="object: prot missing
output: accepted with address prot
address: 192.0.2.9
prot: AttributeError"
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
