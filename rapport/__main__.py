"""``python -m rapport`` is ``rapport``."""

from rapport.cli.app import main

main()
