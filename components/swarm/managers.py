"""The managers through which a part of a swarm is declared; any of them that answers will do."""

from typing import Any, Optional, TypedDict

import pulumi
from pydantic import Field

from ..arguments import Frozen
from ..hosts import Host, HostArgs
from ..types import InputText


class ManagersArgs(TypedDict, total=False):
    """A swarm, by its managers."""

    managers: list[HostArgs]
    """Managers of the swarm. Required. With more than one, the loss of the first stops nothing."""
    swarm_id: Optional[pulumi.Input[str]]
    """Id of their swarm; in another one nothing is done. Default: whichever swarm they are in."""


class Managers(Frozen):
    """ManagersArgs, validated."""

    managers: list[Host] = Field(min_length=1)
    swarm_id: InputText = ""

    def properties(self) -> dict[str, Any]:
        """These managers as properties of our custom resources."""
        return {"managers": [host.properties() for host in self.managers], "swarmId": self.swarm_id}
