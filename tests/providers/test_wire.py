"""One exchange: as much time as it was given, and a word on what went wrong."""

from __future__ import annotations

import pytest

from mmtoolkit.providers import wire


def test_a_slow_upload_has_the_whole_time_not_that_of_connecting(once, monkeypatch):
    monkeypatch.setattr(wire, "_CONNECT_S", 0.1)
    exchange = wire.Exchange(wire.session_for(False), 5.0)

    with once(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", pause_s=0.4, most=9_000_000) as host:
        exchange.post(f"{host}/", data=b"x" * 9_000_000, headers={})

    assert (exchange.status, exchange.body) == (200, b"{}")


@pytest.mark.parametrize(
    ("answer", "trouble", "sent"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "the answer broke off", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc", "the answer broke off", True),
        (b"", "the connection was closed without an answer", True),
        (None, "the connection was refused", False),
    ],
)
def test_every_broken_exchange_says_what_happened_and_whether_it_was_sent(once, answer, trouble, sent):
    exchange = wire.Exchange(wire.session_for(False), 5.0)

    with once(answer or b"") as host, pytest.raises(wire.LostError, match=trouble):
        exchange.post("http://127.0.0.1:9/" if answer is None else f"{host}/", data=b"{}", headers={})

    assert (exchange.status, exchange.sent) == (None, sent)
