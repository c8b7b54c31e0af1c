#!/usr/bin/env bash
# podman-compose turns a stop grace period of 0.5 s into 0, and one of an hour into Podman's default.
#
# Versions: PyPI podman-compose 1.6.0; Go compose-go v2.16.2. A script that records its arguments takes
#   the place of `podman`, so no engine is needed.
# Expected: both read the durations of the Compose specification, or refuse what they cannot express.
# Seen: `0.5s` is truncated to `podman stop -t 0`, which kills at once. Hours and milliseconds are not
#   recognised: no `-t` is sent and no warning printed, so Podman waits its default of 10 s.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q podman-compose==1.6.0
cat >podman <<EOF
#!/bin/sh
case \$1 in
--version) echo "podman version 5.4.0" ;;
stop) echo "\$@" >>"$work/calls" ;;
esac
EOF
chmod +x podman

export GOPATH=$work/go GOCACHE=$work/cache GOFLAGS=-modcacherw GOTOOLCHAIN=local
mkdir compose && cd compose
cat >main.go <<'EOF'
package main

import (
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/types"
)

func main() {
	for _, text := range os.Args[1:] {
		var period types.Duration
		err := period.DecodeMapstructure(text)
		fmt.Println("compose", text, period, err)
	}
}
EOF
go mod init finding >/dev/null 2>&1
go get github.com/compose-spec/compose-go/v2/types@v2.16.2 >/dev/null 2>&1
go build -o "$work/compose-duration" .
cd "$work"

periods=(1m30s 1h 500ms 0.5s)
{
    echo "services:"
    for period in "${periods[@]}"; do
        echo "  ${period/./-}: {image: app, stop_grace_period: $period}"
    done
} >compose.yaml
venv/bin/podman-compose --podman-path "$work/podman" -p finding down >/dev/null 2>&1 || true
seen=$(./compose-duration "${periods[@]}" 2>&1 && sort calls) || true

found="compose 1m30s 1m30s <nil>
compose 1h 1h0m0s <nil>
compose 500ms 500ms <nil>
compose 0.5s 500ms <nil>
stop -t 0 finding_0-5s_1
stop -t 90 finding_1m30s_1
stop finding_1h_1
stop finding_500ms_1"
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
