#!/usr/bin/env bash
# pulumi-docker sends the keys of `registry_auth` untranslated when they come from a dict.
#
# Versions: PyPI pulumi 3.272.0, pulumi-docker 5.2.0.
# Expected: `ProviderRegistryAuthArgs(config_file=…)` and its typed dict `{"config_file": …}` are two
#   spellings of one value. They are everywhere else in the SDK, and type checkers accept both.
# Seen: the class sends `configFile`, the name in the provider's schema. The dict sends `config_file`, a
#   name the schema does not have. A provider's own settings become JSON text before the SDK
#   translates keys, and only the class knows the schema's names by itself.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q pulumi==3.272.0 pulumi-docker==5.2.0

cat >program.py <<'EOF'
import json

import pulumi
import pulumi_docker as docker

sent = {}


class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        value = args.inputs.get("registryAuth", args.inputs.get("networksAdvanced"))
        sent[args.name] = json.loads(value) if isinstance(value, str) else value
        return f"{args.name}-id", args.inputs

    def call(self, args):
        return {}


pulumi.runtime.set_mocks(Mocks(), preview=False)


@pulumi.runtime.test
def declare():
    as_class = docker.ProviderRegistryAuthArgs(address="registry.example", config_file="/auth.json")
    as_dict = {"address": "registry.example", "config_file": "/auth.json"}
    docker.Provider("provider, class", registry_auth=[as_class])
    docker.Provider("provider, dict", registry_auth=[as_dict])
    network = {"name": "front", "ipv4_address": "192.0.2.9"}
    docker.Container("container, dict", image="app", networks_advanced=[network])


declare()
for name in sorted(sent):
    print(f"{name}: {' '.join(sorted(sent[name][0]))}")
EOF
seen=$(venv/bin/python program.py 2>&1) || true

found="container, dict: ipv4Address name
provider, class: address configFile
provider, dict: address config_file"
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
