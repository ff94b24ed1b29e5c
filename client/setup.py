"""The client's own distribution: its modules lie in ``serving/`` beside the server, so both agree on every shape."""

from setuptools import setup
from setuptools.command.build_py import build_py

SHAPES = {"__init__", "answers", "bulk_answers", "task_answers"}
"""The modules of ``serving/api`` that describe answers; all others belong to the server."""


class BuildClient(build_py):
    """Takes of the server's package only the shapes of answers."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        """Return the modules of one package."""
        found = super().find_package_modules(package, package_dir)
        return [one for one in found if package != "rapport_client.api" or one[1] in SHAPES]


setup(
    packages=["rapport_client", "rapport_client.client", "rapport_client.api"],
    package_dir={"rapport_client.client": "../serving/client", "rapport_client.api": "../serving/api"},
    cmdclass={"build_py": BuildClient},
)
