"""The client's own distribution: its modules lie in ``serving/`` beside the server, so both agree on every shape."""

from setuptools import setup

setup(
    packages=["rapport_client", "rapport_client.client", "rapport_client.shapes"],
    package_dir={"rapport_client.client": "../serving/client", "rapport_client.shapes": "../serving/shapes"},
)
