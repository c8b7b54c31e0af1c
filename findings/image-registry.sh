#!/usr/bin/env bash
# Three libraries look for the images `localhost/app` and `Edge/app` in different registries.
#
# Versions: Go distribution/reference v0.6.0 (the engine's own parser); PyPI docker 7.2.0, oras 0.2.43.
# Expected: one rule, the engine's: the first part is a registry when it has a dot or a port, or is
#   `localhost`. Each of the three libraries follows a rule that looks like this one.
# Seen: for oras `localhost/app` is a repository of Docker Hub. The engine also takes a first part with a
#   capital letter for a registry, because no name on Docker Hub has one. The docker SDK for Python
#   chooses the credentials of Docker Hub for that same name.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q docker==7.2.0 oras==0.2.43
cat >registries.py <<'EOF'
import sys

from docker.auth import resolve_repository_name
from oras.container import Container

for image in sys.argv[1:]:
    print(f"docker SDK {image}: {resolve_repository_name(image)[0]}")
for image in sys.argv[1:]:
    print(f"oras {image}: {Container(image).registry}")
EOF

export GOPATH=$work/go GOCACHE=$work/cache GOFLAGS=-modcacherw GOTOOLCHAIN=local
mkdir engine && cd engine
cat >main.go <<'EOF'
package main

import (
	"fmt"
	"os"

	"github.com/distribution/reference"
)

func main() {
	for _, image := range os.Args[1:] {
		named, err := reference.ParseNormalizedNamed(image)
		if err != nil {
			fmt.Println("engine", image, err)
			continue
		}
		fmt.Printf("engine %s: %s\n", image, reference.Domain(named))
	}
}
EOF
go mod init finding >/dev/null 2>&1
go get github.com/distribution/reference@v0.6.0 >/dev/null 2>&1
go build -o "$work/engine-registry" .
cd "$work"

images=(localhost:5000/app localhost/app Edge/app edge/app)
seen=$(./engine-registry "${images[@]}" 2>&1 && venv/bin/python registries.py "${images[@]}" 2>&1) || true

found="engine localhost:5000/app: localhost:5000
engine localhost/app: localhost
engine Edge/app: Edge
engine edge/app: docker.io
docker SDK localhost:5000/app: localhost:5000
docker SDK localhost/app: localhost
docker SDK Edge/app: docker.io
docker SDK edge/app: docker.io
oras localhost:5000/app: localhost:5000
oras localhost/app: docker.io
oras Edge/app: docker.io
oras edge/app: docker.io"
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
