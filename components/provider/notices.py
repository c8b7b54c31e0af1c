"""Prefixes of warnings that a review replaces with its own wording."""

FRONT_END_REPLACED = "the front end's container is replaced"
GATEWAY_REPLACED = "the gateway's tasks are replaced"
KEEPALIVED_REPLACED = "keepalived is replaced on this node"
NODES_DISAGREE = "nodes that differ in this do not hear each other"
