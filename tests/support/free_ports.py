"""Ports for servers of tests."""

import random
import socket

# Below the ports that the system gives to outgoing connections: one of those may take a port before its server does.
_PORTS = range(10_000, 32_000)


def free_port() -> int:
    """Return a port on loopback that is free now."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
