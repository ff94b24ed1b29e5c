"""The example application behind the console, open or with a key."""

from collections.abc import Callable

import pytest
from console_client import ConsoleClient
from example_application import ExampleApplication


@pytest.fixture(scope="module")
def open_app() -> ExampleApplication:
    return ExampleApplication()


@pytest.fixture
def locked() -> Callable[[str], ConsoleClient]:
    def enter(key: str) -> ConsoleClient:
        browser = ConsoleClient(ExampleApplication(keys_disabled=False))
        browser.sign_in(key)
        return browser

    return enter
