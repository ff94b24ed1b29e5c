"""``python -m rapport`` is ``rapport``."""

from rapport.app import main

main()
