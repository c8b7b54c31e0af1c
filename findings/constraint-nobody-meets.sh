#!/usr/bin/env bash
# A placement constraint that swarmkit cannot understand is accepted, and then no node meets it, not even with `!=`.
#
# Versions: github.com/moby/swarmkit/v2 2.0.0.
# Expected: `node.ip!=web.example`, a prefix length of 33, or a misspelt `node.Label.zone!=x` is refused when
#   the constraint is parsed; or `!=` holds for a node that has no such address or label.
# Seen: the parser takes all three, and no node matches: tasks of the service stay pending for ever. A label
#   with a slash in its name, which a node may have, is refused in a constraint instead.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
export GOPATH=$work/go GOCACHE=$work/cache GOFLAGS=-modcacherw GOTOOLCHAIN=local
cat >main.go <<'EOS'
package main

import (
	"fmt"

	"github.com/moby/swarmkit/v2/api"
	"github.com/moby/swarmkit/v2/manager/constraint"
)

func main() {
	labels := map[string]string{"zone": "dmz", "example.com/zone": "dmz"}
	node := &api.Node{
		Spec:   api.NodeSpec{Annotations: api.Annotations{Labels: labels}},
		Status: api.NodeStatus{Addr: "192.0.2.11"},
	}
	for _, text := range []string{
		"node.labels.zone==dmz",
		"node.ip!=203.0.113.5",
		"node.ip!=203.0.113.0/33",
		"node.ip!=web.example",
		"node.Label.zone!=x",
		"node.labels.example.com/zone==dmz",
	} {
		parsed, err := constraint.Parse([]string{text})
		if err != nil {
			fmt.Printf("%s: refused\n", text)
			continue
		}
		fmt.Printf("%s: accepted, met: %t\n", text, constraint.NodeMatches(parsed, node))
	}
}
EOS
go mod init finding 2>/dev/null
go get github.com/moby/swarmkit/v2@v2.0.0 2>/dev/null
go mod tidy 2>/dev/null
seen=$(go run .)

found="node.labels.zone==dmz: accepted, met: true
node.ip!=203.0.113.5: accepted, met: true
node.ip!=203.0.113.0/33: accepted, met: false
node.ip!=web.example: accepted, met: false
node.Label.zone!=x: accepted, met: false
node.labels.example.com/zone==dmz: refused"
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
