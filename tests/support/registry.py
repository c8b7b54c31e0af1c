"""A private registry of images for a test: the least of it that an engine pulls from.

    with Registry("10.77.0.1", image_id) as registry:
        registry.password = "hunter2"

Its one image, `registry.image`, is on the host already under another name: an engine that has it asks for its
manifest only.
"""

import base64
import http.server
import json
import threading
from types import TracebackType
from typing import Self

USER = "me"
_KIND = "application/vnd.docker"


class Registry(http.server.ThreadingHTTPServer):
    """Serves while the context is open, to those who say user and password."""

    daemon_threads = True

    def __init__(self, address: str, image_id: str) -> None:
        super().__init__((address, 0), _Answer)
        self.address = f"{address}:{self.server_port}"
        self.image = f"{self.address}/private/app:1"
        self.password = ""
        self.served: list[str] = []
        """The password of each answer with the image in it."""
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": f"{_KIND}.distribution.manifest.v2+json",
                "config": {
                    "mediaType": f"{_KIND}.container.image.v1+json",
                    "size": 1,
                    "digest": image_id,
                },
                "layers": [],
            }
        ).encode()

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()

    @property
    def login(self) -> dict[str, str]:
        """RegistryArgs of it."""
        return {"address": self.address, "username": USER, "password": self.password}


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        wanted = base64.b64encode(f"{USER}:{self.server.password}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        found = b"{}" if self.path == "/v2/" else self.server.manifest
        self.send_response(200)
        self.send_header("Content-Type", f"{_KIND}.distribution.manifest.v2+json")
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(found)
            self.server.served.append(self.server.password)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *args: object) -> None:
        pass
