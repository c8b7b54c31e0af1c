#!/usr/bin/env bash
# A write that fails because the disk is full leaves an object in the bucket, and a listing returns it.
#
# Version: Go gocloud.dev v0.46.0, its bucket in a folder (blob/fileblob) with `no_tmp_dir=true`. Pulumi
#   keeps the states and locks of a file backend by this library, with this option.
# Expected: WriteAll writes to a temporary file and renames it, so a failed write leaves nothing: the
#   library removes the temporary file when it closes the writer.
# Seen: the temporary file stays beside the keys, and `List` returns it as an object of 0 bytes, also after
#   there is room again. Pulumi reads every object in the folder of a stack's locks: from then on each
#   command ends with `unexpected end of JSON input`, until somebody removes the file by hand.
#
# Needs root: the full disk is a tmpfs of 1 MiB.
set -euo pipefail
work=$(mktemp -d)
trap 'umount "$work/disk" 2>/dev/null || true; chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"

export GOPATH=$work/go GOCACHE=$work/cache GOFLAGS=-modcacherw GOTOOLCHAIN=local
mkdir program disk && cd program
cat >main.go <<'EOF'
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob"
)

func main() {
	ctx, disk := context.Background(), os.Args[1]
	folder := filepath.Join(disk, "bucket")
	os.Mkdir(folder, 0o755)
	bucket, err := blob.OpenBucket(ctx, "file://"+folder+"?no_tmp_dir=true")
	if err != nil {
		panic(err)
	}
	show := func(when string) {
		list := bucket.List(nil)
		for {
			object, err := list.Next(ctx)
			if err != nil {
				return
			}
			key := regexp.MustCompile(`\.[0-9a-f]+\.`).ReplaceAllString(object.Key, ".*.")
			fmt.Printf("%s: %s, %d bytes\n", when, key, object.Size)
		}
	}
	ballast, _ := os.Create(filepath.Join(disk, "ballast"))
	for err = nil; err == nil; {
		_, err = ballast.Write(make([]byte, 4096))
	}
	err = bucket.WriteAll(ctx, "lock.json", []byte(`{"pid": 1}`), nil)
	fmt.Println("first write failed:", err != nil)
	ballast.Close()
	os.Remove(ballast.Name())
	show("listed with room again")
	err = bucket.WriteAll(ctx, "lock.json", []byte(`{"pid": 1}`), nil)
	fmt.Println("second write failed:", err != nil)
	show("listed after the second write")
}
EOF
go mod init finding >/dev/null 2>&1
go get gocloud.dev@v0.46.0 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go build -o "$work/bucket" .
cd "$work"

mount -t tmpfs -o size=1m tmpfs disk
seen=$(./bucket "$work/disk" 2>&1) || true

found="first write failed: true
listed with room again: lock.json.*.tmp, 0 bytes
second write failed: false
listed after the second write: lock.json, 10 bytes
listed after the second write: lock.json.*.tmp, 0 bytes"

echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep '^[<>]' | head -1)"
    exit 1
fi
