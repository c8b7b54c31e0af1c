from longshore import SwarmGateway

SwarmGateway(
    "gate",
    {
        "managers": [{"address": "ssh://deploy@a.example"}],
        "networks": ["apps"],
        "front_end": {"port": 8080},
        "backends": {
            "shop": {"host_names": ["shop.example"]},
            "blog": {"host_names": ["blog.example"]},
        },
    },
)
