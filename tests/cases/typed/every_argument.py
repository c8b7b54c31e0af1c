"""A consumer's program that gives every argument there is. mypy --strict accepts it, and so do the components."""

import pulumi

from components import (
    FloatingAddress,
    FloatingAddressArgs,
    LoadBalancedService,
    LoadBalancedServiceArgs,
    SwarmCluster,
    SwarmClusterArgs,
    SwarmGateway,
    SwarmGatewayArgs,
    SwarmService,
    SwarmServiceArgs,
)
from components.arguments.hosts import HostArgs
from components.load_balanced.args import ProxyArgs
from components.load_balanced.route_args import RouteArgs
from components.swarm.floating.args import FloatingArgs
from components.swarm.gateway.args import GatewayArgs
from components.swarm.service.args import ServiceArgs

PEM = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
AUTHORITY = """\
-----BEGIN CERTIFICATE-----
MIHoMIGboAMCAQICCA8YeHwbAlY5MAUGAytlcDAPMQ0wCwYDVQQDDARvdXJzMCAX
DTIwMDEwMTAwMDAwMFoYDzIwOTAwMTAxMDAwMDAwWjAPMQ0wCwYDVQQDDARvdXJz
MCowBQYDK2VwAyEAwhI7h6mroafRT8KnDVoC5HB7pwECmJh5qxaCMhOoR1WjEzAR
MA8GA1UdEwEB/wQFMAMBAf8wBQYDK2VwA0EAZG+D4AVo4+ZoKvWz/2bMwjG2pu/v
RazkAIOSH4k9eN8872+lL1z/aDQJOHmDAxky3BM73HgHnU2mkjcyi1LaAQ==
-----END CERTIFICATE-----
"""
"""An authority of clients, which is valid until 2090."""
host: HostArgs = {
    "address": "tcp://one.example:2376",
    "ca_certificate": PEM,
    "client_certificate": PEM,
    "client_key": PEM,
    "insecure": False,
    "registries": [{"address": "registry.example", "username": "me", "password": "its-password"}],
}
other_host: HostArgs = {**host, "address": "tcp://other.example:2376"}
route: RouteArgs = {
    "port": 8080,
    "host_names": ["shop.example", "*.shop.example"],
    "routes": [
        {"host_names": ["shop.example"], "path_prefix": "/shop", "strip_prefix": True},
    ],
    "algorithm": "leastconn",
    "cookie": "SERVER",
    "max_connections": 16,
    "max_uploads": 12,
    "max_fails": 3,
    "response_deadline": 2.5,
    "timeouts": {"connect": 1, "queue": 2, "server": 30, "tunnel": 60},
    "retries": 2,
    "allow_from": ["10.0.0.0/8"],
    "deny_from": ["10.1.0.0/16", "2001:db8::/32"],
    "request_headers": {"set": {"X-Environment": "production"}, "remove": ["X-Debug"]},
    "response_headers": {"set": {"X-Frame-Options": "DENY"}, "remove": ["X-Powered-By"]},
    "max_request_body": 1_048_576,
    "rate_limit": {"average": 10, "period": 1, "burst": 20, "exempt": ["10.2.0.0/16"]},
    "maintenance": {"retry_after": 60, "allow_from": ["10.3.0.0/16"]},
}
proxy: ProxyArgs = {
    "kind": "haproxy",
    "image": "haproxy:3.2",
    "port": 8081,
    "max_connections": 512,
    "max_connections_per_client": 128,
    "timeouts": {
        "connect": 1,
        "queue": 7,
        "client": 2,
        "server": 3,
        "request": 4,
        "keep_alive": 5.5,
        "tunnel": 6,
    },
    "redirects": [
        {
            "host_names": ["www.shop.example"],
            "path_prefix": "/old",
            "to": "https://shop.example/new",
            "keep_path": True,
            "status": "301",
        }
    ],
    "trusted_proxies": ["10.0.0.0/8"],
    "proxy_protocol": ["10.4.0.0/16"],
    "upgrades": ["websocket"],
    "ipv6": True,
    "request_id": True,
    "log": {"address": "127.0.0.1:514", "facility": "local1"},
    "memory": 128,
    "tls": {
        "port": 8443,
        "certificates": [
            {"certificate": pulumi.Output.from_input(PEM), "private_key": pulumi.Output.secret(PEM)}
        ],
        "min_version": "1.3",
        "redirect_http": True,
        "client_ca": AUTHORITY,
        "client_verify": "optional",
        "hsts": {"max_age": 600, "include_subdomains": True, "preload": True},
    },
}
load_balanced: LoadBalancedServiceArgs = {
    "host": host,
    "network": {"subnet": "10.20.0.0/24", "isolated": True},
    "front_end": {
        **proxy,
        "name": "edge",
        "mode": "http",
        "publish": True,
        "address": "192.0.2.1",
        "networks": ["routable"],
        "resolve": True,
        "unknown_host": "421",
    },
    "backends": {
        "shop": {
            **route,
            "image": "shop:1",
            "replicas": 3,
            "command": ["serve", "--all"],
            "environment": {"COLOUR": "blue"},
            "health": {
                "path": "/healthz",
                "host": "shop.example:8080",
                "method": "HEAD",
                "status": ["200", "300-399"],
                "port": 81,
                "active": True,
                "interval": 0.5,
                "timeout": 0.25,
                "fall": 3,
                "rise": 2,
                "command": ["true"],
            },
            "fail_timeout": None,
            "weights": [3, 2, 1],
            "backup_replicas": 1,
            "drain": 2.5,
            "start_timeout": 30,
            "update": {
                "parallelism": 2,
                "delay": 1,
                "order": "start-first",
                "max_surge": 2,
                "monitor": 3,
                "max_failure_ratio": 0.5,
                "failure_action": "rollback",
            },
            "rollback": {"parallelism": 2, "order": "stop-first", "failure_action": "pause"},
            "canary": {
                "steps": [10, 50],
                "interval": 60,
                "min_requests": 100,
                "max_error_ratio": 1.25,
                "max_latency_ratio": 1.5,
                "on_no_traffic": "fail",
            },
            "restart": {"policy": "on-failure", "max_retries": 5},
            "memory": 64,
            "cpus": 0.5,
            "pids_limit": 512,
            "user": "nobody",
            "read_only": True,
            "capabilities": ["CHOWN"],
        }
    },
}
short_form: LoadBalancedServiceArgs = {
    "port": 80,
    "host_names": ["blog.example"],
    "routes": [{"path_prefix": "/blog", "strip_prefix": True}],
    "algorithm": "roundrobin",
    "cookie": "SERVER",
    "max_connections": 8,
    "max_uploads": 4,
    "max_fails": 3,
    "response_deadline": 2,
    "timeouts": {"server": 30},
    "retries": 1,
    "allow_from": ["10.0.0.0/8"],
    "deny_from": ["10.1.0.0/16"],
    "request_headers": {"remove": ["Accept-Language"]},
    "response_headers": {"set": {"Referrer-Policy": "no-referrer"}},
    "max_request_body": 65_536,
    "rate_limit": {"average": 10},
    "maintenance": {},
    "image": "blog:1",
    "name": "blog",
    "replicas": 2,
    "command": ["serve"],
    "environment": {"COLOUR": "green"},
    "health": {"path": "/"},
    "weights": [2, 1],
    "backup_replicas": 0,
    "drain": 1,
    "start_timeout": 20,
    "update": {"failure_action": "rollback"},
    "rollback": {"monitor": 0},
    "canary": {"steps": [20]},
    "restart": {"policy": "no"},
    "memory": 32,
    "cpus": 1,
    "pids_limit": 256,
    "user": "www-data:www-data",
    "read_only": False,
    "capabilities": [],
    "network": {"name": "given"},
    "front_end": {"kind": "haproxy", "default_backend": "blog"},
}
short_nginx: LoadBalancedServiceArgs = {
    "image": "wiki:1",
    "fail_timeout": 5,
    "front_end": {"kind": "nginx", "port": 8082},
}
long_nginx: LoadBalancedServiceArgs = {
    "backends": {"wiki": {"image": "wiki:1", "fail_timeout": 5}},
    "front_end": {"kind": "nginx", "port": 8083, "default_backend": "wiki"},
}

service: ServiceArgs = {
    "image": "shop:1",
    "name": "shop",
    "entrypoint": ["/bin/sh"],
    "command": ["-c", "serve"],
    "environment": {"COLOUR": "blue"},
    "mode": "replicated",
    "replicas": 2,
    "constraints": ["node.role==manager"],
    "max_replicas_per_node": 2,
    "networks": ["apps"],
    "endpoint_mode": "vip",
    "ports": [{"port": 80, "published": 8090, "mode": "ingress", "protocol": "tcp"}],
    "configs": {"site": {"content": "a", "path": "/etc/site", "mode": "0440", "user": 1, "group": 2}},
    "secrets": {"token": {"content": "a-token"}},
    "update": {
        "parallelism": 2,
        "delay": 0.5,
        "order": "start-first",
        "monitor": 2,
        "max_failure_ratio": 0.25,
        "failure_action": "rollback",
    },
    "rollback": {"failure_action": "pause"},
    "restart": {"condition": "on-failure", "delay": 1, "max_attempts": 3, "window": 60},
    "health": {
        "path": "/healthz",
        "host": "shop.example",
        "method": "OPTIONS",
        "status": ["200"],
        "port": 80,
        "interval": 1,
        "timeout": 2,
        "retries": 3,
        "start_period": 4,
    },
    "start_timeout": 30,
    "stop_grace_period": 5,
    "stop_signal": "SIGTERM",
    "memory": 64,
    "cpus": 0.5,
    "pids_limit": 128,
    "reserved_memory": 32,
    "reserved_cpus": 0.25,
    "user": "nobody",
    "read_only": True,
    "capabilities": ["CHOWN"],
    "hostname": "{{.Node.Hostname}}",
    "templates": True,
    "init": True,
    "labels": {"team": "web"},
    "force_update": 1,
}
gateway: GatewayArgs = {
    "networks": ["apps"],
    "publish": "ingress",
    "replicas": 2,
    "constraints": ["node.role==manager"],
    "front_end": {
        **proxy,
        "drain": 2,
        "default_backend": "shop",
        "max_connections_per_client": None,
        "proxy_protocol": None,
    },
    "backends": {
        "shop": {
            **route,
            "allow_from": None,
            "deny_from": None,
            "rate_limit": None,
            "maintenance": {"retry_after": 60},
            "service": "shop",
            "max_tasks": 8,
            "health": {
                "path": "/",
                "host": "a.example",
                "method": "GET",
                "status": ["200-299"],
                "port": 81,
                "active": True,
                "interval": 1,
                "timeout": 0.5,
                "fall": 2,
                "rise": 1,
            },
        }
    },
    "start_timeout": 30,
    "force_update": 1,
}
floating: FloatingArgs = {
    "addresses": ["192.0.2.100/24"],
    "router_id": 100,
    "version": 2,
    "password": "notmuch",
    "advert_interval": 1,
    "preempt": True,
    "preempt_delay": 3,
    "multicast": False,
    "track": {"port": 80, "path": "/healthz", "host_name": "shop.example"},
    "image": "keepalived:2",
    "memory": 32,
}

swarm_service: SwarmServiceArgs = {**service, "managers": [other_host], "swarm_id": "k1x"}
with_a_command: SwarmServiceArgs = {
    "managers": [other_host],
    "image": "wiki:1",
    "mode": "global",
    "health": {"command": ["true"]},
}
swarm_gateway: SwarmGatewayArgs = {**gateway, "managers": [other_host], "swarm_id": "k1x"}
nginx_gateway: SwarmGatewayArgs = {
    "managers": [other_host],
    "networks": ["apps"],
    "front_end": {"kind": "nginx", "port": 8084, "unknown_host": "close"},
    "backends": {"wiki": {"host_names": ["wiki.example"]}},
}
swarm_cluster: SwarmClusterArgs = {
    "nodes": {
        "a": {
            "host": host,
            "role": "manager",
            "availability": "active",
            "labels": {"zone": "dmz"},
            "advertise_address": "192.0.2.1",
            "listen_address": "192.0.2.1:2377",
            "data_path_address": "192.0.2.1",
            "drain_timeout": 30,
        },
        "b": {
            "host": {"address": "ssh://two.example"},
            "role": "manager",
            "advertise_address": "192.0.2.2",
        },
    },
    "even_managers": True,
    "address_pools": ["10.32.0.0/16"],
    "pool_mask": 24,
    "autolock": True,
    "token_generation": 2,
    "networks": {
        "apps": {
            "subnet": "10.33.0.0/24",
            "mtu": 1400,
            "encrypted": True,
            "attachable": True,
            "internal": False,
        }
    },
    "services": {"shop": {**service, "name": "shop"}},
    "gateway": gateway,
    "floating_addresses": {
        "vip": {
            **floating,
            "addresses": ["192.0.2.200/24"],
            "router_id": 200,
            "nodes": {
                "a": {"interface": "eth0", "address": "192.0.2.1", "priority": 200},
                "b": {"interface": "eth0", "priority": 100},
            },
        }
    },
}
floating_address: FloatingAddressArgs = {
    **floating,
    "nodes": {
        "a": {"host": host, "interface": "eth0", "address": "192.0.2.1", "priority": 200},
        "b": {
            "host": {"address": "ssh://two.example"},
            "interface": "eth0",
            "address": "192.0.2.2",
            "priority": 100,
        },
    },
}

COMPONENTS = {
    "full": ("LoadBalancedService", load_balanced),
    "short": ("LoadBalancedService", short_form),
    "nginx": ("LoadBalancedService", short_nginx),
    "wiki": ("LoadBalancedService", long_nginx),
    "service": ("SwarmService", swarm_service),
    "global": ("SwarmService", with_a_command),
    "gate": ("SwarmGateway", swarm_gateway),
    "nginx-gate": ("SwarmGateway", nginx_gateway),
    "main": ("SwarmCluster", swarm_cluster),
    "vip": ("FloatingAddress", floating_address),
}
"""Name, class and arguments of each component below."""


def program() -> None:
    """Declare them, and take every output as what it is."""
    full = LoadBalancedService("full", load_balanced, pulumi.ResourceOptions(protect=True))
    LoadBalancedService("short", short_form)
    LoadBalancedService("nginx", short_nginx)
    LoadBalancedService("wiki", long_nginx)
    url: pulumi.Output[str] = full.url
    port: pulumi.Output[int] = full.port
    names: pulumi.Output[list[str]] = full.replica_names
    pulumi.export("full", [url, port, names, full.address, full.network_name, full.config])
    SwarmService("service", swarm_service)
    SwarmService("global", with_a_command)
    SwarmGateway("gate", swarm_gateway)
    SwarmGateway("nginx-gate", nginx_gateway)
    main = SwarmCluster("main", swarm_cluster)
    SwarmService("other", {"managers": main.managers, "image": "shop:1"})
    vip = FloatingAddress("vip", floating_address)
    pulumi.export("vip", vip.urn)
