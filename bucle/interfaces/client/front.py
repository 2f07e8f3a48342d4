"""What `import bucle` offers of the client without opening one by hand."""

from bucle.interfaces.client.datasets import Dataset
from bucle.interfaces.client.runs import default_client, find_active_run


def dataset(name: str) -> Dataset:
    """Return a dataset, where the run that is going on here writes, or where the settings say."""
    active = find_active_run()
    return (active.client if active else default_client()).dataset(name)
