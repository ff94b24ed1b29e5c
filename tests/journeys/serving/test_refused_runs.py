"""A scoring run that the gates refuse is seen on every page until one is published; a forced run says by whom."""

from datetime import datetime

import pytest
from serving_world import AS_OF, NOW, copy_home, served

from rapport.cli.app import app
from rapport.errors import RefusedRunError
from rapport.history.settings import Settings
from rapport.serving.snapshots.contract_rows import ContractRows
from rapport.serving.snapshots.scoring_run import run_scoring
from rapport.serving.snapshots.store import published_run


def score(company, home, as_of, **more):
    return run_scoring(company.history, home, "churn", as_of=as_of, now=NOW, progress=lambda *_: None, **more)


def test_a_refused_run_stands_on_every_page_and_in_the_list_until_one_is_published(company, tmp_path, capsys):
    def listed():
        app(["runs", "list", "--data-dir", str(home)], standalone_mode=False)
        return capsys.readouterr().out

    home = copy_home(company, tmp_path / "home")
    with pytest.raises(RefusedRunError):
        score(company, home, datetime(2199, 1, 1), by="mei")
    assert "the run of 2199-01-01, started by mei" in listed()
    with served(home, keys=False) as client:
        for path in ("/home", "/tasks", "/model"):
            page = client.get(path).text
            assert "the scoring run of 1 Jan 2199 was refused by its checks and not published" in page
            assert "started by mei" in page
            assert "lies in the future" in page
            assert "score again" in page
        client.get("/language/zh")
        assert "未通过检查，未发布" in client.get("/home").text
        score(company, home, AS_OF, by="mei")
        assert "未通过检查" not in client.get("/home").text
    assert "REFUSED" not in listed()


def test_a_forced_run_says_by_whom(company, tmp_path):
    home = copy_home(company, tmp_path / "home")
    score(company, home, datetime(2199, 1, 1), force=True, by="mei")
    with served(home, keys=False) as client:
        assert "published with --force by mei" in client.get("/home").text


def test_the_rows_of_a_run_are_the_history_that_it_read(company):
    with ContractRows(published_run(company.home, "churn").folder).history(Settings()) as history:
        read = {name: rows for name, rows in company.history.rows.items() if rows}
        # Costs of campaigns and growth of industries are rows of no customer, and no feature reads them.
        of_nobody = {"campaigns", "industries"}
        assert read.keys() - history.rows.keys() == of_nobody
        assert dict(history.rows) == {name: rows for name, rows in read.items() if name not in of_nobody}
        assert history.rejected.total == 0
