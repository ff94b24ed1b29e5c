"""Units of serving: environment, rate limits, thinned days, secrets, exports."""

import json
import math
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapport.errors import ServingError, SettingsError
from rapport.files import atomic_write, shared_secret
from rapport.serving.environment import Environment, as_variables, read_environment, variables
from rapport.serving.jobs.exports import export_scores, post_webhook
from rapport.serving.json_encoding import encode_json
from rapport.serving.outbound_http import verify
from rapport.serving.security.limits import UPLOAD_BYTES, RateLimiter
from rapport.serving.snapshots.history import thin_days
from rapport.serving.translations import translations

SCORES = pa.table(
    {"customer_id": ["=cmd", "张三"], "as_of": ["2026-11-01"] * 2, "target": ["churn"] * 2, "probability": [0.1, None]}
)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("RAPPORT_PORT", "abc", "not a number"),
        ("RAPPORT_PORT", "99999", "not a port"),
        ("RAPPORT_THREADS", "1", "at least 2"),
        ("RAPPORT_KEYS", "maybe", "'on' or 'off'"),
        ("RAPPORT_TIMEOUT_SECONDS", "-1", "more than 0"),
    ],
)
def test_an_invalid_variable_is_refused_by_name(name, value, says):
    with pytest.raises(SettingsError, match=f"{name}.*{says}"):
        read_environment({name: value})


def test_the_variables_of_a_child_read_back_the_same(tmp_path):
    environment = Environment(
        data_dir=tmp_path, port=4000, workers=2, keys=False, mlflow_url="http://x", timeout_seconds=2.5
    )
    assert read_environment(as_variables(environment)) == environment


def test_the_earlier_name_of_a_variable_is_read_where_todays_is_not_set():
    assert read_environment({"RAPPORT_HOME": "old"}).data_dir == Path("old")
    assert read_environment({"RAPPORT_HOME": "old", "RAPPORT_DATA_DIR": "new"}).data_dir == Path("new")


def test_every_variable_is_on_the_settings_page():
    listed = {name for name, _, _ in variables()}
    assert set(as_variables(Environment(mlflow_url="x"))) - {"PROMETHEUS_MULTIPROC_DIR"} <= listed


def test_a_rate_limit_refills_evenly_and_evicts_the_longest_idle():
    rate = RateLimiter(per_minute=2)
    assert [rate.wait("a", 0.0) > 0 for _ in range(3)] == [False, False, True]
    assert rate.wait("a", 0.0) == pytest.approx(30)
    assert rate.wait("a", 31.0) == 0
    for caller in range(100_000):
        rate.wait(str(caller), 40.0)
    assert rate.wait("99999", 40.0) == 0
    assert rate.wait("99999", 40.0) > 0


def test_thousands_of_callers_keep_buckets_of_their_own():
    rate, callers = RateLimiter(per_minute=2), [f"caller {number}" for number in range(4000)]
    for caller in callers:
        assert [rate.wait(caller, 100.0) for _ in range(2)] == [0, 0]
    # Half of the table is in use, so hardly anyone was evicted.
    limited = [rate.wait(caller, 101.0) > 0 for caller in callers]
    assert sum(limited) > 0.95 * len(callers)


def test_the_table_of_the_buckets_is_small_and_private(tmp_path):
    RateLimiter(per_minute=4, file=tmp_path / "rates.bin")
    about = (tmp_path / "rates.bin").stat()
    assert (about.st_size, about.st_mode & 0o777) == (196_608, 0o600)


def test_the_first_run_takes_as_many_bytes_as_its_page_says():
    shown = translations("en")("setup.files_key")
    assert f"up to {UPLOAD_BYTES // 1_000_000} MB together" in shown


def test_all_workers_share_the_buckets(tmp_path):
    first, second = (RateLimiter(per_minute=4, file=tmp_path / "rates.bin") for _ in range(2))
    waits = [worker.wait("crm", 100.0) > 0 for worker in (first, second, first, second, first, second)]
    assert waits == [False, False, False, False, True, True]
    assert second.wait("another", 100.0) == 0


def test_a_score_history_keeps_days_then_weeks_then_months():
    today = date(2026, 11, 1)
    days = [today - timedelta(days=back) for back in range(1, 700)]
    kept = thin_days(days, today)
    assert kept[-10:] == [today - timedelta(days=back) for back in range(10, 0, -1)]
    assert 30 < len(kept) < 45
    assert today - kept[0] <= timedelta(days=550)


def test_a_file_is_complete_or_absent(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        _killed_halfway(path)
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.txt"]


def _killed_halfway(path):
    with atomic_write(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt


def test_workers_that_start_at_once_share_one_secret(tmp_path):
    found = []
    threads = [threading.Thread(target=lambda: found.append(shared_secret(tmp_path, "s"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found[0]) == 32
    assert (tmp_path / "s").stat().st_mode & 0o077 == 0


def test_importing_the_service_writes_nothing(tmp_path):
    code = "import rapport.serving.api.service"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": ":".join(sys.path)}, check=True)
    assert list(tmp_path.iterdir()) == []


def test_scores_are_exported_to_each_format_and_no_cell_is_a_formula(tmp_path):
    for ending in ("parquet", "csv", "xlsx"):
        export_scores(SCORES, tmp_path / f"scores.{ending}")
    assert pq.read_table(tmp_path / "scores.parquet").equals(SCORES)
    assert pa_csv.read_csv(tmp_path / "scores.csv").column("customer_id").to_pylist() == ["'=cmd", "张三"]
    sheet = openpyxl.load_workbook(tmp_path / "scores.xlsx").active
    assert [(cell.value, cell.data_type) for cell in sheet["A"]][1:] == [("=cmd", "s"), ("张三", "s")]
    with pytest.raises(ServingError, match="unknown extension"):
        export_scores(SCORES, tmp_path / "scores.doc")


@pytest.fixture
def crm():
    """A CRM that fails once, then accepts everything."""
    taken, answers = [], [500, 200, 200]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            status = answers.pop(0)
            if status == 200:
                taken.append((dict(self.headers), json.loads(body)))
            self.send_response(status)
            self.send_header("Location", self.path)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", taken, answers
    server.shutdown()


def test_scores_sent_to_a_crm_are_signed_and_retried_after_a_failure(crm):
    url, taken, answers = crm
    assert post_webhook(SCORES, url, "secret", pause=lambda _: None) == 1
    headers, body = taken[0]
    assert body["scores"][1] == {"customer_id": "张三", "as_of": "2026-11-01", "target": "churn", "probability": None}
    assert headers["Idempotency-Key"]
    for refusal in (401, 302):
        answers[:] = [refusal]
        with pytest.raises(ServingError, match=f"status {refusal}"):
            post_webhook(SCORES, url, "secret", pause=lambda _: None)


def test_a_webhook_export_needs_a_secret(crm):
    url, taken, answers = crm
    answers[:] = [200]
    for secret in (None, "short"):
        with pytest.raises(ServingError, match="RAPPORT_WEBHOOK_SECRET"):
            export_scores(SCORES, url, secret)
    export_scores(SCORES, url, "a secret of length")
    headers, body = taken[0]
    sent = json.dumps(body, ensure_ascii=False).encode()
    assert verify("a secret of length", headers["X-Rapport-Signature"], sent, datetime.now(UTC))
    assert not verify("another of some length", headers["X-Rapport-Signature"], sent, datetime.now(UTC))
    forged = headers["X-Rapport-Signature"].replace("v1=", "v1=é")
    assert not verify("a secret of length", forged, sent, datetime.now(UTC))


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT


@given(st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)))
def test_json_reads_back_to_the_same_values(value):
    assert json.loads(encode_json([value])) == [value]


def test_json_has_no_word_for_a_number_that_is_not_finite():
    assert encode_json(["NaN", "-Infinity"]) == b'["NaN","-Infinity"]'
    for number in (math.nan, math.inf, -math.inf):
        with pytest.raises(ValueError, match="not JSON compliant"):
            encode_json({"name": "NaN", "value": [number]})
