"""The principal under whose name everything unasked happens."""

from bucle.governance.principals import EVERY_PROJECT, Grant, Principal

CONTROL = Principal(
    name="control", kind="service", grants=(Grant(role="engineer", project=EVERY_PROJECT),)
)
