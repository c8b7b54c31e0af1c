"""How keepalived is run in a container. https://www.keepalived.org/manpage.html"""

from ...program import FOLDER, Program

ROLE = "floating-address-"
"""Prefix of the role of a node's container; the node's name follows."""
FILE, SCRIPT = "keepalived.conf", "gateway.sh"
BASH = "/usr/bin/bash"
"""From 2.3 on keepalived runs no script through a link, which /bin is where folders are merged."""
CAPABILITIES = ("NET_ADMIN", "NET_BROADCAST", "NET_RAW")
"""To set addresses, and to send and hear adverts."""
SCRIPT_CAPABILITIES = ("SETGID",)
"""For scripts. Without it keepalived fails to set their groups, and takes that for success each time."""
RELOADED = "Reload complete"
"""What it says once all its processes have read the file again; from 2.2.4 on."""
KEEPALIVED = Program(
    file=FILE,
    # In the foreground it is process 1, and gets the signal that makes it give the addresses up.
    run=("keepalived", "--dont-fork", "--log-console", "--vrrp", f"--use-file={FOLDER}/{FILE}"),
    check=("keepalived", "--config-test", "--vrrp", f"--use-file={FOLDER}/{FILE}"),
    reload_signal="SIGHUP",
    stop_signal="SIGTERM",
    ready=RELOADED,
    failed=r"\S",  # with --config-test it says nothing else
    check_user="0:0",  # as which it runs scripts
    check_network="host",  # whose interfaces are part of the question
    remedies=(
        (
            "Non-existent interface",
            "give nodes.<name>.interface one that this host has (`ip link`)",
        ),
        (
            "Disabling track script",
            f"the image needs bash at {BASH} for track: use the recipe templates/keepalived/Dockerfile",
        ),
    ),
)
