"""A PDF fits on a page or two and embeds a Chinese TrueType font where one is installed, else says what to install."""

import re
import shutil
from pathlib import Path

import pytest

from rapport.serving.report.content import Report, Section
from rapport.serving.report.pdf import chinese_font, pdf_report

REPORT = Report("zh", "客户评估报告", "华信 Huaxin", (Section("健康度", lines=("近 365 天没有订单。",)),), "Rapport")


@pytest.fixture
def folders(monkeypatch, tmp_path):
    """Font folders of its own, without a font."""
    chinese_font.cache_clear()
    monkeypatch.setattr("rapport.serving.report.pdf.chinese_font", lambda: chinese_font((tmp_path,)))
    yield tmp_path
    chinese_font.cache_clear()


def test_an_installed_font_is_embedded(folders):
    matplotlib = pytest.importorskip("matplotlib")
    # Any TrueType font stands for a Chinese one here; what counts is that it is found and goes into the file.
    shutil.copy(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", folders / "simhei.ttf")
    assert b"/FontFile2" in pdf_report(REPORT)


@pytest.mark.usefixtures("folders")
def test_without_a_font_the_log_says_what_to_install(caplog):
    found = pdf_report(REPORT)
    assert b"/FontFile2" not in found
    assert b"STSong-Light" in found
    assert "wqy-microhei.ttc" in caplog.text


@pytest.mark.parametrize(("drivers", "pages"), [(5, 1), (25, 2)])
def test_a_report_of_the_usual_length_fits_on_one_page(drivers, pages):
    facts = Section("Churn risk", pairs=(("Churn risk", "42%"), ("Certainty", "little " * 20), ("Band", "medium")))
    lines = tuple(f"No order for {day} days." for day in range(drivers))
    plan = Section("Plan", header=("What", "Who"), rows=(("Call", "Li"),) * 4, widths=(0.5, 0.5))
    sections = (facts, facts, facts, *(Section("Drivers", lines=lines),) * 3, plan)
    found = pdf_report(Report("en", "Customer evaluation report", "Huaxin", sections, "Rapport"))
    assert len(re.findall(rb"/Type /Page\b", found)) == pages
