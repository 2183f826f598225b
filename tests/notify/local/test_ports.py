"""Ports that are chosen before a server listens on them."""

import socket

from notify.local import ports


def test_a_free_port_is_below_those_that_the_kernel_gives_to_outgoing_connections() -> None:
    """By its default; a host may be set up to give away others, too."""
    assert all(20_000 <= ports.free() <= 32_767 for _ in range(20))


def test_a_port_that_somebody_listens_on_is_not_given() -> None:
    with socket.create_server((ports.HOST, ports.free())) as server:
        taken = server.getsockname()[1]
        assert not ports.is_free(taken)
        assert ports.free(taken) != taken
        assert ports.near(taken) != taken
    assert ports.free(taken) == taken
