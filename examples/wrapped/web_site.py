"""WebSite: what every site of this team is, so that a program says only what its own is about."""

from typing import Optional

import pulumi
from longshore import HostArgs, LoadBalancedService


class WebSite(pulumi.ComponentResource):
    """Two small, read-only replicas of an image behind HAProxy, asked at /healthz, found by their domain."""

    address: pulumi.Output[str]
    """Address of the site, in one line for people."""
    servers: pulumi.Output[int]
    """Number of replicas that serve the site."""

    def __init__(
        self,
        name: str,
        *,
        image: pulumi.Input[str],
        domain: str,
        port: int,
        host: Optional[HostArgs] = None,
        proxy: Optional[str] = None,
        opts: Optional[pulumi.ResourceOptions] = None,
    ) -> None:
        super().__init__("team:index:WebSite", name, {}, opts)
        service = LoadBalancedService(
            name,
            {
                "host": host,
                "front_end": {"image": proxy, "port": port, "unknown_host": "421"},
                "backends": {
                    "site": {
                        "image": image,
                        "host_names": [domain, f"*.{domain}"],
                        "replicas": 2,
                        "health": {"path": "/healthz"},
                        "memory": 64,
                        "read_only": True,
                        "environment": {"DOMAIN": domain},
                    }
                },
            },
            pulumi.ResourceOptions(parent=self),
        )
        self.address = service.url.apply(lambda url: f"{domain} at {url}")
        self.servers = service.replica_names.apply(len)
        self.register_outputs({"address": self.address, "servers": self.servers})
