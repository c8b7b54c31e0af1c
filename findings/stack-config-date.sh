#!/usr/bin/env bash
# A date in a Pulumi stack file reaches the program with a time of day and a time zone.
#
# Versions: Go pulumi/sdk v3.274.1 (the CLI reads stack files with it), gopkg.in/yaml.v3 v3.0.1.
# Expected: configuration values are text, so `app:release: 2024-01-01` is "2024-01-01". The same reader
#   leaves `on` and `12:30:45`, which YAML 1.1 would convert, as they are.
# Seen: "2024-01-01 00:00:00 +0000 UTC", also inside lists and objects: an image tag made of a date becomes
#   an invalid one. Numbers are normalised alike: `1.10` is "1.1". Quotes prevent both.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
export GOPATH=$work/go GOCACHE=$work/cache GOFLAGS=-modcacherw GOTOOLCHAIN=local
cat >main.go <<'EOF'
package main

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"gopkg.in/yaml.v3"
)

const text = `
config:
  app:date: 2024-01-01
  app:inside: {tag: 2024-01-01}
  app:quoted: "2024-01-01"
  app:number: 1.10
  app:clock: 12:30:45
  app:switch: on
`

func main() {
	var stack struct{ Config config.Map }
	if err := yaml.Unmarshal([]byte(text), &stack); err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"date", "inside", "quoted", "number", "clock", "switch"} {
		value, err := stack.Config[config.MustMakeKey("app", name)].Value(config.NopDecrypter)
		fmt.Println(name, value, err)
	}
}
EOF
go mod init finding >/dev/null 2>&1
go get github.com/pulumi/pulumi/sdk/v3/go/common/resource/config@v3.274.1 gopkg.in/yaml.v3@v3.0.1 >/dev/null 2>&1
seen=$(go run . 2>&1) || true

found='date 2024-01-01 00:00:00 +0000 UTC <nil>
inside {"tag":"2024-01-01 00:00:00 +0000 UTC"} <nil>
quoted 2024-01-01 <nil>
number 1.1 <nil>
clock 12:30:45 <nil>
switch on <nil>'
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
