"""The components of a stack: settings → components → outputs."""

import signal

# When a resource fails, Pulumi interrupts the program, as Ctrl-C does: end without Python's traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import pulumi  # noqa: E402 — after that

import components  # noqa: E402
from components import settings  # noqa: E402

loaded = settings.load()
services = {
    name: components.LoadBalancedService(name, args)  # type: ignore[arg-type]  # it validates them itself
    for name, args in loaded.services.items()
}
swarms = {
    name: components.SwarmCluster(name, args)  # type: ignore[arg-type]  # as above
    for name, args in loaded.swarms.items()
}
pulumi.export("urls", {name: service.url for name, service in services.items()})
pulumi.export("replicas", {name: service.replica_names for name, service in services.items()})
pulumi.export("swarms", {name: swarm.swarm_id for name, swarm in swarms.items()})
pulumi.export("unlock_keys", {name: swarm.unlock_key for name, swarm in swarms.items()})
