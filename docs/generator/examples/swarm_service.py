from longshore import SwarmService

SwarmService(
    "shop",
    {
        "managers": [{"address": "ssh://deploy@a.example"}],
        "image": "registry.example/shop:7",
        "replicas": 4,
        "networks": ["apps"],
        "health": {"path": "/healthz"},
    },
)
