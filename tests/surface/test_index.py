"""Whoever opens the address finds out what is there."""

from starlette.routing import Route

from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.rest.index import ADDRESSES
from lineage_api.settings import Settings
from surface_client import SurfaceClient


def test_the_address_says_what_is_served(client: SurfaceClient, ledger: Ledger) -> None:
    answer = client.get("/").json()
    assert answer["origin"] == ledger.origin
    assert answer["addresses"] == ADDRESSES


def test_every_route_is_listed(ledger: Ledger) -> None:
    """A route that the index leaves out is a route that nobody finds."""
    routes = create_app(ledger, Settings()).routes
    served = {
        f"{method} {route.path_format}"
        for route in routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert set(ADDRESSES) == served - {"GET /"}
