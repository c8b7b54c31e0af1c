#!/usr/bin/env bash
# The npm package zone-file cuts a TXT record at a quoted semicolon and drops the units of times.
#
# Versions: npm zone-file 1.0.0; PyPI dnspython 2.9.2.
# Expected: two readers of zone files agree on a DMARC record and on `$TTL 1h`. A semicolon inside quotes
#   is no comment, and BIND's units are as old as most zones.
# Seen: dnspython reads the whole policy and 3600 s. zone-file returns "v=DMARC1" without the policy and
#   a TTL of 1 s, and writes both back without a word when it generates the file again. A TTL with a
#   unit at a record is dropped.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q dnspython==2.9.2
npm install --silent --no-audit --no-fund --prefix "$work" zone-file@1.0.0 >/dev/null 2>&1

cat >example.zone <<'EOF'
$ORIGIN example.org.
$TTL 1h
_dmarc IN TXT "v=DMARC1; p=reject"
www 1d IN A 192.0.2.1
EOF
cat >read.py <<'EOF'
import dns.zone

zone = dns.zone.from_file("example.zone", origin="example.org", check_origin=False)
for name, ttl, record in sorted(zone.iterate_rdatas(), key=lambda entry: str(entry[0])):
    print("dnspython", name, ttl, record)
EOF
cat >read.cjs <<'EOF'
const { parseZoneFile } = require("zone-file");
const zone = parseZoneFile(require("fs").readFileSync("example.zone", "utf8"));
for (const record of [...zone.txt, ...zone.a]) {
  console.log("zone-file", record.name, record.ttl ?? `(default ${zone.$ttl})`, record.txt ?? record.ip);
}
EOF
seen=$(venv/bin/python read.py 2>&1 && node read.cjs 2>&1) || true

found='dnspython _dmarc 3600 "v=DMARC1; p=reject"
dnspython www 86400 192.0.2.1
zone-file _dmarc (default 1) v=DMARC1
zone-file www (default 1) 192.0.2.1'
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
