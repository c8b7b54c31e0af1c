from longshore import FloatingAddress

FloatingAddress(
    "vip",
    {
        "nodes": {
            "a": {
                "host": {"address": "ssh://root@a.example"},
                "interface": "eth0",
                "address": "192.0.2.11",
            },
            "b": {
                "host": {"address": "ssh://root@b.example"},
                "interface": "eth0",
                "address": "192.0.2.12",
            },
        },
        "addresses": ["192.0.2.9/24"],
        "track": {"port": 8080},
    },
)
