"""The managers through which a part of a swarm is declared; any of them that answers will do."""

from collections.abc import Callable
from typing import Annotated, Any, Optional, Required, TypedDict

import pulumi
from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator

from ..arguments.connections import Login
from ..arguments.hosts import Host, HostArgs
from ..arguments.parsing import Frozen, parse
from ..arguments.types import InputText
from ..resources.common import InSwarm


class ManagersArgs(TypedDict, total=False):
    """A swarm, by its managers."""

    managers: Required[pulumi.Input[list[HostArgs]]]
    """Managers of the swarm, for example the output `managers` of a SwarmCluster, also of another stack.
    Required. The first one that answers is used, so changes work while others are down."""
    swarm_id: Optional[pulumi.Input[str]]
    """Id of the managers' swarm. Nothing changes when they are in another swarm. Default: the swarm that they
    are in."""


def _unless_output(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    return value if isinstance(value, pulumi.Output) else check(value)


class Managers(Frozen):
    """ManagersArgs, validated. An Output is validated once it is known."""

    managers: Annotated[list[Host], Field(min_length=1), WrapValidator(_unless_output)]
    swarm_id: InputText = ""

    def properties(self) -> InSwarm:
        """Return these managers as properties of our custom resources."""
        hosts = self._ask(lambda hosts: [host.properties() for host in hosts])
        return {"managers": hosts, "swarmId": self.swarm_id}

    def credentials(self) -> list[Login]:
        """Return their logins to registries, the `registries` property of our resources; the first counts."""
        logins: list[Login] = self._ask(
            lambda hosts: [login for host in hosts for login in host.credentials()]
        )
        return logins

    @property
    def identity(self) -> frozenset[object]:
        """Facts of which another description of the same swarm shares at least one."""
        if isinstance(self.managers, pulumi.Output):
            return frozenset([self.managers])
        return frozenset(host.address for host in self.managers)

    def _ask(self, question: Callable[[list[Host]], Any]) -> Any:
        if not isinstance(self.managers, pulumi.Output):
            return question(self.managers)

        def ask(given: Any) -> Any:
            known = parse(Managers, {"managers": given}, "given as an Output")
            return pulumi.Output.from_input(question(known.managers))

        return self.managers.apply(ask)
