"""Map the rooms at the top of the repository into one package: ``history/`` is imported as ``rapport.history``."""

from setuptools import find_packages, setup

ROOMS = ("history", "features", "scoring", "training", "serving")

setup(
    packages=[
        *find_packages(include=["rapport", "rapport.*"]),
        *(
            f"rapport.{package}"
            for room in ROOMS
            for package in (room, *(f"{room}.{sub}" for sub in find_packages(room)))
        ),
    ],
    package_dir={f"rapport.{room}": room for room in ROOMS},
)
