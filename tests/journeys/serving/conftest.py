"""A small company with a published champion and scored nights, made once for all serving tests."""

import pytest
from world_of_serving import AS_OF, MONTH_BEFORE, NOW, Company, make_bundle, publish, served

from history import read_history
from history.settings import Settings
from history.simulate import simulate
from serving.current import load
from serving.nightly import score_history


@pytest.fixture(scope="session")
def company(tmp_path_factory) -> Company:
    root = tmp_path_factory.mktemp("company")
    folder, home = root / "history", root / "home"
    simulate(folder, customers=600, years=3, seed=7)
    history = read_history(folder, Settings())
    bundle = make_bundle(history, "churn", "1")
    publish(home, bundle, root)
    publish(home, make_bundle(history, "conversion", "1"), root)
    for target, as_of in (("churn", MONTH_BEFORE), ("churn", AS_OF), ("conversion", AS_OF)):
        score_history(history, home, target, as_of=as_of, now=NOW, progress=lambda *_: None)
    return Company(folder, home, history, bundle)


@pytest.fixture(scope="session")
def open_client(company):
    """A service without keys, as on a laptop."""
    with served(company.home, keys=False) as client:
        yield client


@pytest.fixture
def ask(open_client):
    """Ask an address and give the body; any other status than the one expected fails."""

    def asked(address: str, status: int = 200, headers=None, **body):
        response = open_client.post(f"/v1/{address}", json=body, headers=headers)
        assert response.status_code == status, response.text
        return response.json()

    return asked


@pytest.fixture(scope="session")
def active(company):
    """The ids of the customers that have a churn score, sorted."""
    scored = load(company.home, "churn").night.scored
    return [str(one) for one in scored.customer_id[scored.eligible]]
