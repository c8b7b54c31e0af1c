"""Three replicas behind a front end, without this SDK in the program's environment."""

import signal

import pulumi
import pulumi_longshore as longshore

# When a resource fails, Pulumi interrupts the program: end without Python's traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

config = pulumi.Config()
site = longshore.LoadBalancedService(
    "site",
    image=config.get("image") or "httpd:2.4",
    replicas=3,
    environment={"TOKEN": config.require_secret("token")},
    host={"address": config.get("engine")},
    front_end={"image": config.get("proxy"), "port": config.get_int("port") or 8080},
)
pulumi.export("url", site.url)
