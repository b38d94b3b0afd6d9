"""Says where the runs are to be seen: `python -m stages.where ADDRESS`, for `make mlflow`.

On a team's server that is there. Ends with exit code 3 where none is to be visited, as runs lie in
this folder or in a database: `mlflow ui` then starts at the address.
"""

import sys

from sales import params
from sales.errors import run
from sales.registry import asking, experiments, homes, standing, tracking


def main() -> None:
    """Print the page's address, which opens with the runs of trained models."""
    server = homes.server()
    settings = params.read("register", tracking.RegisterParams)
    if server is None:
        database = (standing.state_folder() / standing.LINK).resolve() / tracking.DATABASE
        found = experiments.number(database, settings.experiment)
        if found:
            print(f"runs: {experiments.page(sys.argv[1], found)}", flush=True)
        sys.exit(3)
    if homes.kind(server.tracking) not in homes.WEB:
        sys.exit(3)
    print(f"the runs are on {server.address}", flush=True)
    if server.registry != server.tracking:
        print(f"versions and aliases on {homes.shown(server.registry)}", flush=True)
    with asking.answered(server):
        asking.refuse_older(server)
        registry = tracking.Registry(tracking.on_server(server), settings)
    print(f"runs: {experiments.page(server.address, registry.experiment)}")


if __name__ == "__main__":
    run(main)
