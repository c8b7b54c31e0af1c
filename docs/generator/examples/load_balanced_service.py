import pulumi
from longshore import LoadBalancedService

site = LoadBalancedService(
    "site",
    {
        "image": "httpd:2.4",
        "replicas": 3,
        "response_deadline": 2,
        "front_end": {"port": 8080},
    },
)
pulumi.export("url", site.url)
