"""The control plane in this process, a round and a job at a time, until nothing is left to do."""

from bucle.control.actions import ACTIONS
from bucle.control.jobs.worker import Worker
from bucle.control.principal import CONTROL
from bucle.control.tick import tick
from bucle.governance.audit.read import living_projects
from bucle.governance.session import House


def settle(house: House) -> None:
    """Do what is to be done unasked, in every project, until there is nothing more."""
    worker, busy = Worker(house, ACTIONS), True
    while busy:
        with house.session(CONTROL).begin(write=False) as scope:
            projects = living_projects(scope)
        ticked = [tick(house.session(CONTROL, project)) for project in projects]
        busy = any(ticked) or worker.step()
