#!/usr/bin/env bash
# dockerfile-parse takes a line of a here-document for the base image, and rewrites that line.
#
# Versions: PyPI dockerfile-parse 2.0.1; npm dockerfile-ast 0.7.1.
# Expected: both know here-documents, part of Dockerfile syntax since 1.4 (2022), or fail on them.
# Seen: a `COPY <<EOF` that writes a template with `FROM scratch` makes "scratch" the base image of
#   a build on Alpine. Setting `baseimage` then edits the template and leaves the real base as it was.
#   dockerfile-ast reports the one real `FROM`.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q dockerfile-parse==2.0.1
npm install --silent --no-audit --no-fund --prefix "$work" dockerfile-ast@0.7.1 >/dev/null 2>&1

cat >Dockerfile <<'END'
FROM alpine:3.20
COPY <<EOF /templates/Dockerfile
FROM scratch
EOF
RUN true
END
cat >edit.py <<'EOF'
from io import BytesIO

from dockerfile_parse import DockerfileParser

with open("Dockerfile", "rb") as file:
    parsed = DockerfileParser(fileobj=BytesIO(file.read()))
print("dockerfile-parse:", parsed.baseimage)
parsed.baseimage = "alpine:3.21"
print("after the change:", " / ".join(parsed.lines).replace("\n", ""))
EOF
cat >read.cjs <<'EOF'
const { DockerfileParser } = require("dockerfile-ast");
const text = require("fs").readFileSync("Dockerfile", "utf8");
console.log("dockerfile-ast:", DockerfileParser.parse(text).getFROMs().map((from) => from.getImage()).join(" "));
EOF
seen=$(node read.cjs 2>&1 && venv/bin/python edit.py 2>&1) || true

found="dockerfile-ast: alpine:3.20
dockerfile-parse: scratch
after the change: FROM alpine:3.20 / COPY <<EOF /templates/Dockerfile / FROM alpine:3.21 / EOF / RUN true"
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
