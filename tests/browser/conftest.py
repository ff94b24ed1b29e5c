"""A real browser before the console of the example application."""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn
from console_client import SECRET
from example_application import ExampleApplication

from rapport.serving.console.app import create_console
from rapport.serving.first_run import FirstRun

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = "axe-core@4.14.1"
LAPTOP = {"width": 1366, "height": 850}


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as tool:
        window = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield window
        window.close()


@pytest.fixture
def application() -> ExampleApplication:
    return ExampleApplication()


@pytest.fixture
def address(application, tmp_path) -> Iterator[str]:
    """Serve the console on a free port of this machine, with files of a first run."""
    first_run = FirstRun(tmp_path, None)
    rows = (f"R{n},K{n % 30},{1 + n % 12:02}/{1 + n // 20:02}/2024,{10 + n % 9}.5" for n in range(200))
    orders = "\n".join(["order_id,customer_id,ordered_at,amount", *rows])
    first_run.store([("orders.csv", orders.encode())])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        app = create_console(application, secret=SECRET, today=lambda _zone: date(2026, 11, 2), first_run=first_run)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def enter(browser, address) -> Iterator[object]:
    """Open a page that fails the test on any script error and on any request that leaves the machine."""
    opened: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(
        path: str, size: dict[str, int] | None = None, language: str = "en-GB", scheme: str = "light"
    ) -> "Page":
        context = browser.new_context(viewport=size or LAPTOP, locale=language, color_scheme=scheme, base_url=address)
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on(
            "request", lambda asked: None if asked.url.startswith((address, "data:")) else complaints.append(asked.url)
        )
        page.goto(path)
        page.wait_for_load_state("networkidle")
        return page

    yield open_page
    for context in opened:
        context.close()
    assert [text for text in complaints if "404 (Not Found)" not in text] == []


@pytest.fixture(scope="session")
def axe(tmp_path_factory) -> str:
    """Fetch the accessibility checker by name and version; it is used by this test only."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not there to fetch axe-core")
    folder: Path = tmp_path_factory.mktemp("axe")
    fetched = subprocess.run(["npm", "pack", "--silent", AXE], cwd=folder, capture_output=True, text=True, check=False)
    if fetched.returncode:
        pytest.skip(f"npm could not fetch {AXE}")
    shutil.unpack_archive(folder / fetched.stdout.split()[-1], folder)
    return (folder / "package" / "axe.min.js").read_text(encoding="utf-8")
