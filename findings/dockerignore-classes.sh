#!/usr/bin/env bash
# `[!a]*` and `**.md` in a .dockerignore name other files for the docker SDK for Python than for the engine.
#
# Versions: PyPI docker 7.2.0; Go moby/patternmatcher v0.6.1 (BuildKit and the engine use it).
# Expected: both choose the same files, because the SDK packs the context that an engine builds from.
# Seen: `[!a]*` is "not a" for the SDK, which matches as Python's fnmatch does, and "! or a" for the engine,
#   which negates with `^`. `**.md` matches at any depth for the engine, and nothing for the SDK.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q docker==7.2.0
cat >sdk.py <<'EOF'
import sys

from docker.utils.build import exclude_paths

for pattern in sys.argv[1:]:
    kept = exclude_paths("context", [pattern])
    print("SDK", pattern, "ignores:", *(name for name in ("a.md", "b.md", "docs/c.md") if name not in kept))
EOF
mkdir -p context/docs
touch context/a.md context/b.md context/docs/c.md

export GOPATH=$work/go GOCACHE=$work/cache GOFLAGS=-modcacherw GOTOOLCHAIN=local
mkdir engine && cd engine
cat >main.go <<'EOF'
package main

import (
	"fmt"
	"os"

	"github.com/moby/patternmatcher"
)

func main() {
	for _, pattern := range os.Args[1:] {
		matcher, err := patternmatcher.New([]string{pattern})
		if err != nil {
			fmt.Println("engine", pattern, err)
			continue
		}
		fmt.Print("engine ", pattern, " ignores:")
		for _, name := range []string{"a.md", "b.md", "docs/c.md"} {
			if ignored, _ := matcher.MatchesOrParentMatches(name); ignored {
				fmt.Print(" ", name)
			}
		}
		fmt.Println()
	}
}
EOF
go mod init finding >/dev/null 2>&1
go get github.com/moby/patternmatcher@v0.6.1 >/dev/null 2>&1
go build -o "$work/engine-ignores" .
cd "$work"

patterns=("[ab].md" "[!a]*" "[^a]*" "**.md" "**/*.md")
seen=$(./engine-ignores "${patterns[@]}" 2>&1 && venv/bin/python sdk.py "${patterns[@]}" 2>&1) || true

found="engine [ab].md ignores: a.md b.md
engine [!a]* ignores: a.md
engine [^a]* ignores: b.md docs/c.md
engine **.md ignores: a.md b.md docs/c.md
engine **/*.md ignores: a.md b.md docs/c.md
SDK [ab].md ignores: a.md b.md
SDK [!a]* ignores: b.md docs/c.md
SDK [^a]* ignores: a.md
SDK **.md ignores:
SDK **/*.md ignores: a.md b.md docs/c.md"
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
