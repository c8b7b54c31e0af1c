"""Arguments of a LoadBalancedService in the forms that tests need most."""

from typing import Any

IMAGE = "httpd:2.4"


def short(**keys: Any) -> dict[str, Any]:
    return {"image": IMAGE, **keys}


def front(**keys: Any) -> dict[str, Any]:
    return short(front_end=keys)


def health(**keys: Any) -> dict[str, Any]:
    return short(health=keys)


def registry(keys: Any) -> dict[str, Any]:
    good = {"address": "registry.example:5000", "username": "me", "password": "hunter2"}
    return short(host={"registries": [{**good, **keys}]})


def many(front_end: Any = None, **backends: Any) -> dict[str, Any]:
    long = {"backends": {name: {"image": IMAGE, **keys} for name, keys in backends.items()}}
    return long if front_end is None else {**long, "front_end": front_end}
