#!/usr/bin/env bash
# A container that the Docker SDK for Python made with volumes=["/data"] does not start again with its engine.
#
# Versions: docker SDK for Python 7.2.0, Docker Engine 28.5.2 of Debian forky.
# Expected: with the restart policy `always` it runs again after a restart of the engine, as one does that has a
#   nameless volume through a Mount of the SDK, or through its volumes=["named:/data"].
# Seen: "get: no such volume". The SDK sends the path as HostConfig.Binds without a source, too. The engine makes the
#   volume, and records the mount without the volume's name, which it needs when it starts again.
# Needs root and debootstrap; the engine runs in namespaces of its own.
set -euo pipefail

work=$(mktemp -d)
engine=
finish() {
    [ -z "$engine" ] || { kill -KILL "$engine" && wait "$engine"; } 2>/dev/null || true
    for group in /sys/fs/cgroup/*/nameless-volume-$$ /sys/fs/cgroup/nameless-volume-$$; do
        [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q docker==7.2.0
script=/usr/share/debootstrap/scripts/forky
[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
debootstrap --variant=minbase --include=busybox-static,docker.io,iptables forky "$work/root" \
    http://deb.debian.org/debian "$script" >"$work/debootstrap.log"
mkdir "$work/root/shared" "$work/shared"
tar --create --directory="$work/root" --file="$work/shared/image.tar" usr/bin/busybox

# The engine has the root file system as its root, and no network.
start() {
    rm -f "$work/shared/docker.sock"
    unshare --net --mount --pid --fork --kill-child=SIGKILL --mount-proc --propagation private sh -euc '
        ip link set lo up
        mount --bind "$1" "$1"
        mount --bind "$2" "$1/shared"
        cd "$1"
        mount -t proc proc proc
        mount --rbind /dev dev
        mount -t sysfs sysfs sys
        mount --rbind /sys/fs/cgroup sys/fs/cgroup
        mount -t tmpfs tmpfs run
        pivot_root . mnt
        cd /
        umount -l /mnt
        exec dockerd --host=unix:///shared/docker.sock --data-root=/shared/data --cgroup-parent="$3" \
            --exec-opt=native.cgroupdriver=cgroupfs --log-level=error
    ' sh "$work/root" "$work/shared" "/nameless-volume-$$" >>"$work/dockerd.log" 2>&1 &
    engine=$!
    for _ in $(seq 600); do
        curl -fs --unix-socket "$work/shared/docker.sock" http://engine/_ping >/dev/null && return
        sleep 0.1
    done
    tail "$work/dockerd.log"
    exit 2
}
stop() {
    kill -TERM "$(pgrep -P "$engine")"
    wait "$engine" || true
    engine=
}
ask() { "$work/venv/bin/python" - "unix://$work/shared/docker.sock"; }

start
ask <<'PYTHON'
import sys
from docker import DockerClient
from docker.types import Mount

engine = DockerClient(base_url=sys.argv[1])
print("docker SDK for Python", __import__("docker").__version__, "Docker Engine", engine.version()["Version"])
engine.api.import_image(src=sys.argv[1].removeprefix("unix://").replace("docker.sock", "image.tar"), repository="box")
ways = {"path": {"volumes": ["/data"]}, "named": {"volumes": ["one:/data"]}, "mount": {"mounts": [Mount("/data", None)]}}
for name, way in ways.items():
    engine.containers.run("box", ["/usr/bin/busybox", "sleep", "1000"], name=name, detach=True, network_mode="none",
                          restart_policy={"Name": "always"}, stop_signal="SIGKILL", **way)
PYTHON
stop
start
seen=$(ask <<'PYTHON'
import sys, time
from docker import DockerClient

engine = DockerClient(base_url=sys.argv[1])
for name in ("mount", "named", "path"):
    for _ in range(100):  # an error or a running container, within 10 seconds
        state = engine.api.inspect_container(name)["State"]
        if state["Running"] or state["Error"]:
            break
        time.sleep(0.1)
    print(f"{name}: {state['Error'] or state['Status']}")
PYTHON
)
echo "$seen"

expected="mount: running
named: running
path: get: no such volume"
if [ "$seen" = "$expected" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$expected") <(echo "$seen") | grep '^>' | head -1)"
    exit 1
fi
