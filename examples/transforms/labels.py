"""A stack-wide transform: it sees every resource before Pulumi does, those within components, too."""

from collections.abc import Callable
from typing import Any, Optional

import pulumi

LABELLED = {
    "docker:index/container:Container",
    "docker:index/network:Network",
    "docker:index/volume:Volume",
    "docker:index/service:Service",
}
"""Types whose `labels` are a list of `label` and `value`."""

Transform = Callable[[pulumi.ResourceTransformArgs], Optional[pulumi.ResourceTransformResult]]


def labels(**values: str) -> Transform:
    """Return a transform that adds these labels to each resource that can have some."""
    pairs = [{"label": label, "value": value} for label, value in values.items()]

    def transform(args: pulumi.ResourceTransformArgs) -> Optional[pulumi.ResourceTransformResult]:
        if args.type_ not in LABELLED:
            return None
        props = {**args.props, "labels": [*(args.props.get("labels") or []), *pairs]}
        # No options means those it has. Pulumi's SDK for Python cannot give back options that hold a
        # `replacement_trigger`, as those of our containers do.
        options: Any = None
        return pulumi.ResourceTransformResult(props, options)

    return transform
