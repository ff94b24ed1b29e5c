"""A small company with a published champion and score snapshots: fitted once, its data folder copied for each module.

A copy for each module, because tests write to it (feedback, audit, keys): none depends on what another module left.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from serving_world import AS_OF, MONTH_BEFORE, NOW, Company, copy_home, linked_data_dir, make_bundle, publish, served

from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.history.simulate import simulate
from rapport.serving.security.keys import KeyRing
from rapport.serving.snapshots.live_model import load_live_model
from rapport.serving.snapshots.scoring_run import run_scoring


@pytest.fixture(scope="session")
def fitted_company(tmp_path_factory) -> Company:
    root = tmp_path_factory.mktemp("company")
    folder, home = root / "history", root / "home"
    simulate(folder, customers=600, years=3, seed=7)
    history = read_history(folder, Settings())
    bundle = make_bundle(history, "churn", "1")
    publish(home, bundle, root)
    publish(home, make_bundle(history, "conversion", "1"), root)
    for target, as_of in (("churn", MONTH_BEFORE), ("churn", AS_OF), ("conversion", AS_OF)):
        run_scoring(history, home, target, as_of=as_of, now=NOW, progress=lambda *_: None)
    return Company(folder, home, history, bundle)


@pytest.fixture(scope="module")
def company(fitted_company, tmp_path_factory) -> Company:
    """The company with a data folder of this module's own."""
    return replace(fitted_company, home=copy_home(fitted_company, tmp_path_factory.mktemp("own") / "home"))


@pytest.fixture(scope="module")
def open_client(company):
    """A client of a service without keys, as on a laptop."""
    with served(company.home, keys=False) as client:
        yield client


@pytest.fixture
def ask(open_client):
    """Call an endpoint and return the body; fails on any other status than the expected one."""

    def asked(address: str, status: int = 200, headers=None, **body):
        response = open_client.post(f"/v1/{address}", json=body, headers=headers)
        assert response.status_code == status, response.text
        return response.json()

    return asked


@pytest.fixture(scope="module")
def active(company):
    """The ids of the customers that have a churn score, sorted."""
    scored = load_live_model(company.home, "churn").snapshot.scored
    return [str(one) for one in scored.customer_id[scored.eligible]]


@pytest.fixture(scope="module")
def keyed_home(company, tmp_path_factory):
    """The company's data folder with keys of its own."""
    return linked_data_dir(company, tmp_path_factory.mktemp("keyed"))


@pytest.fixture(scope="module")
def secrets(keyed_home):
    """A key of each scope, and an expired one."""
    now, ring = datetime.now(UTC), KeyRing(keyed_home)
    made = {scope: ring.add(scope, [scope], now) for scope in ("read", "score", "feedback", "admin")}
    return made | {"old": ring.add("old", ["admin"], now, expires_at=now - timedelta(seconds=1))}


@pytest.fixture(scope="module")
def keyed(keyed_home, secrets):  # noqa: ARG001  # the keys must be there first
    """A client of a service with keys, short timeouts and small limits."""
    with served(keyed_home, timeout_seconds=2.0, body_bytes=300_000) as client:
        yield client
