"""Map the folders at the top of the repository into one package: ``history/`` is imported as ``rapport.history``."""

from setuptools import find_packages, setup

FOLDERS = ("history", "features", "scoring", "training", "serving")

setup(
    packages=[
        *find_packages(include=["rapport", "rapport.*"]),
        *(
            f"rapport.{package}"
            for folder in FOLDERS
            for package in (folder, *(f"{folder}.{sub}" for sub in find_packages(folder)))
        ),
    ],
    package_dir={f"rapport.{folder}": folder for folder in FOLDERS},
)
