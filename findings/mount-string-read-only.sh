#!/usr/bin/env bash
# The docker SDK for Python makes the mount `/data:/data:z` read-only, and `/data:/data:rw,z` too.
#
# Versions: PyPI docker 7.2.0; Go compose-go v2.16.2.
# Expected: a mount is writable unless its options say `ro`, as with `docker run -v` and in a compose file.
#   `z` is the SELinux label that most examples for Fedora and RHEL carry.
# Seen: `Mount.parse_mount_string`, which also reads the strings in a service's `mounts`, takes every third
#   part but the exact text `rw` for read-only. Compose's parser reads the same strings as writable.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q docker==7.2.0
cat >sdk.py <<'EOF'
import sys

from docker.types import ContainerSpec

for text in sys.argv[1:]:
    (mount,) = ContainerSpec("app", mounts=[text])["Mounts"]
    print(f"docker SDK {text}: {'read-only' if mount['ReadOnly'] else 'writable'}")
EOF

export GOPATH=$work/go GOCACHE=$work/cache GOFLAGS=-modcacherw GOTOOLCHAIN=local
mkdir compose && cd compose
cat >main.go <<'EOF'
package main

import (
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/format"
)

func main() {
	for _, text := range os.Args[1:] {
		volume, err := format.ParseVolume(text)
		if err != nil {
			fmt.Println("compose", text, err)
			continue
		}
		mode := "writable"
		if volume.ReadOnly {
			mode = "read-only"
		}
		fmt.Printf("compose %s: %s\n", text, mode)
	}
}
EOF
go mod init finding >/dev/null 2>&1
go get github.com/compose-spec/compose-go/v2/format@v2.16.2 >/dev/null 2>&1
go build -o "$work/compose-volume" .
cd "$work"

mounts=(/data:/data /data:/data:rw /data:/data:z /data:/data:rw,z)
seen=$(venv/bin/python sdk.py "${mounts[@]}" 2>&1 && ./compose-volume "${mounts[@]}" 2>&1) || true

found="docker SDK /data:/data: writable
docker SDK /data:/data:rw: writable
docker SDK /data:/data:z: read-only
docker SDK /data:/data:rw,z: read-only
compose /data:/data: writable
compose /data:/data:rw: writable
compose /data:/data:z: writable
compose /data:/data:rw,z: writable"
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
