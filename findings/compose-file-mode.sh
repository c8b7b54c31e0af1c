#!/usr/bin/env bash
# The file mode `0440` of a compose file is another number for the YAML readers of JavaScript.
#
# Versions: Go compose-go v2.16.2; PyPI PyYAML 6.0.3; npm yaml 2.9.1, js-yaml 5.5.0.
# Expected: `mode: 0440`, the form in Compose's own examples, is one number for every reader, and at
#   worst the notation `0o440` helps.
# Seen: PyYAML reads 288 (octal), as Compose does. Both readers of JavaScript follow YAML 1.2 and read 440,
#   which Compose prints as mode 0670: writable by the group. `0o440` is 288 for JavaScript and Compose,
#   but a text for PyYAML. No unquoted octal notation is the same number for all four.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
cat >compose.yaml <<'EOF'
name: finding
services:
  app:
    image: app
    configs:
      - {source: a, target: /a, mode: 0440}
      - {source: a, target: /b, mode: 0o440}
      - {source: a, target: /c, mode: 288}
      - {source: a, target: /d, mode: 440}
configs:
  a: {content: text}
EOF
python3 -m venv venv
venv/bin/pip install -q PyYAML==6.0.3
cat >read.py <<'EOF'
import yaml

configs = yaml.safe_load(open("compose.yaml"))["services"]["app"]["configs"]
print("PyYAML", *(repr(config["mode"]) for config in configs))
EOF

npm install --silent --no-audit --no-fund --prefix "$work" yaml@2.9.1 js-yaml@5.5.0 >/dev/null 2>&1
cat >read.cjs <<'EOF'
const text = require("fs").readFileSync("compose.yaml", "utf8");
const modes = (read) => read(text).services.app.configs.map((config) => JSON.stringify(config.mode)).join(" ");
console.log("yaml", modes(require("yaml").parse));
console.log("js-yaml", modes(require("js-yaml").load));
EOF

export GOPATH=$work/go GOCACHE=$work/cache GOFLAGS=-modcacherw GOTOOLCHAIN=local
mkdir compose && cd compose
cat >main.go <<'EOF'
package main

import (
	"context"
	"fmt"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	options, err := cli.NewProjectOptions([]string{"../compose.yaml"})
	if err != nil {
		panic(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		panic(err)
	}
	fmt.Print("compose")
	for _, config := range project.Services["app"].Configs {
		fmt.Printf(" %d(%s)", int64(*config.Mode), config.Mode.String())
	}
	fmt.Println()
}
EOF
go mod init finding >/dev/null 2>&1
go get github.com/compose-spec/compose-go/v2/cli@v2.16.2 >/dev/null 2>&1
seen=$(go run . 2>&1 && cd .. && venv/bin/python read.py && node read.cjs 2>&1) || true
cd "$work"

found="compose 288(0440) 288(0440) 288(0440) 440(0670)
PyYAML 288 '0o440' 288 440
yaml 440 288 288 440
js-yaml 440 288 288 440"
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
