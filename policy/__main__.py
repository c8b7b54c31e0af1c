"""Longshore's policy pack: `pulumi preview --policy-pack policy`."""

from pulumi_policy import EnforcementLevel, PolicyPack
from rules import RULES

PolicyPack("longshore", policies=RULES, enforcement_level=EnforcementLevel.MANDATORY)
