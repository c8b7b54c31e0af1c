"""Hand the work of this process to one that has loaded what each Python would load anew: see `prepared`.

    python client.py <name> <work> [arguments]

It sends its streams, folder and environment, and ends as the work does. The work ends with it, however it
ends. With the work `program` it becomes `pulumi`, which asks for the program there.
"""

import marshal
import os
import socket
import sys


def main(name: str, work: str, *arguments: str) -> None:
    """Have the work done."""
    with socket.socket(socket.AF_UNIX) as prepared:
        prepared.connect(f"\0{name}")
        asked = marshal.dumps((work, arguments, dict(os.environ)))
        socket.send_fds(prepared, [len(asked).to_bytes(4)], [0, 1, 2, os.open(".", os.O_RDONLY)])
        prepared.sendall(asked)
        answer = prepared.recv(64).decode()
    if work == "program":
        os.execvp("pulumi", ["pulumi", *arguments, f"--client={answer}"])  # noqa: S606 — no shell is meant
    sys.exit(int(answer or 1))


if __name__ == "__main__":
    main(*sys.argv[1:])
