"""Two sites in two lines each: the rest is the team's WebSite."""

import signal

import pulumi
from longshore import HostArgs
from web_site import WebSite

# When a resource fails, Pulumi interrupts the program: end without Python's traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

config = pulumi.Config()
host: HostArgs = {"address": config.get("engine")}
image, proxy = config.get("image") or "httpd:2.4", config.get("proxy")
port = config.get_int("port") or 8080

shop = WebSite("shop", image=image, domain="shop.example", port=port, host=host, proxy=proxy)
blog = WebSite("blog", image=image, domain="blog.example", port=port + 1, host=host, proxy=proxy)

pulumi.export("addresses", [shop.address, blog.address])
pulumi.export("servers", [shop.servers, blog.servers])
