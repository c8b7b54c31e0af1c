"""A front end in memory, as far as its configuration goes: nginx, whose workers serve what they have read."""

import io
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from docker.errors import NotFound

from components.proxies.registry import kind_of

PROGRAM = kind_of("nginx").program
SERVER = re.compile(r"server (\S+?)(?::\d+)?(?: weight=\d+)?;")


@cache
def packed(files: tuple[tuple[str, str], ...]) -> bytes:
    """Return a tar file with these names and texts."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, text in files:
            data = text.encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return archive.getvalue()


@lru_cache
def unpacked(archive: bytes) -> dict[str, str]:
    """Return the texts of the files in a tar file, by name."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
        files: list[tuple[str, Any]] = [(member.name, tar.extractfile(member)) for member in tar]
        return {name: file.read().decode() for name, file in files}


@dataclass
class FakeFrontEnd:
    """A container as the Docker SDK gives it; `text` is the configuration with which it started."""

    engine: Any
    labels: dict[str, str]
    text: str
    id: str = "f" * 64
    refuses: str = ""
    """Text that a configuration must not have; empty: none is refused."""
    files: dict[str, str] = field(default_factory=dict)
    reloads: int = 0
    status: str = "running"
    access: Callable[[], list[str]] = list
    """Lines of the access log since the last look."""

    def __post_init__(self) -> None:
        self.files[PROGRAM.path] = self.text
        self.worker = 100
        self.log = b""
        self.client = self.engine

    @property
    def attrs(self) -> dict[str, Any]:
        """Properties, as the engine describes them."""
        return {"State": {"Pid": 1}, "HostConfig": {"PidsLimit": None}, "NetworkSettings": {"Networks": {}}}

    @property
    def config(self) -> str:
        """The configuration file."""
        return self.files[PROGRAM.path]

    @property
    def sends_to(self) -> list[str]:
        """Network names to which the workers send requests."""
        return self.sends_in(self.text)

    @staticmethod
    def sends_in(text: str) -> list[str]:
        """Return the network names in a configuration."""
        return SERVER.findall(text)

    def reload(self) -> None:
        pass

    def top(self, **_: str) -> dict[str, Any]:
        return {"Processes": [[str(self.worker), "1", "1024"]]}

    def logs(self, stdout: bool = True, **_: Any) -> bytes:
        return "\n".join(self.access()).encode() if stdout else self.log

    def get_archive(self, path: str) -> tuple[Iterator[bytes], dict[str, Any]]:
        found = tuple(each for each in self.files.items() if f"{each[0]}/".startswith(f"{path}/"))
        if not found:
            raise NotFound("no such file")
        return iter([packed(found)]), {}

    def put_archive(self, folder: str, data: bytes) -> None:
        self.engine.act("put_archive")
        self.files |= {f"{folder}/{name}": text for name, text in unpacked(data).items()}

    def kill(self, signal: str) -> None:
        assert signal == PROGRAM.reload_signal
        self.engine.act("reload")
        self.log = b""
        if self.refuses and self.refuses in self.config:
            self.log = b"nginx: [emerg] host not found in upstream\n"
        else:
            self.text, self.worker, self.reloads = self.config, self.worker + 1, self.reloads + 1
