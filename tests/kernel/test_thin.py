"""thin"""
from __future__ import annotations
import os, socket, threading
import pytest
from conftest import NetNs, Tool


def test_connect_to_listener_is_ok(netns: NetNs) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    with Tool("-jr", "-p", os.getpid()) as tool, socket.create_connection(("127.0.0.1", port)) as client:
        (event,) = tool.events(1)
        lport = client.getsockname()[1]
    del event["time"], event["latency_ms"]
    assert event == {
        "pid": os.getpid(), "tid": threading.get_native_id(), "uid": 0,
        "comm": "pytest", "ip": 4, "saddr": "127.0.0.1", "lport": lport,
        "daddr": "127.0.0.1", "dport": port, "netns": netns.inode, "result": "OK"}
    server.close()


def test_timeouts(far: NetNs) -> None:
    with Tool("-r", "-p", os.getpid()) as tool:
        for addr in "10.2.0.1", "10.3.0.1":
            s = socket.socket()
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 300)
            with pytest.raises(OSError) as e:
                s.connect((addr, 80))
            print(e.value)
            s.close()
        # bound
        a = socket.create_server(("127.0.0.1", 0))
        b = socket.socket(); b.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); b.bind(("127.0.0.1", 0)); b.connect(a.getsockname())
        c = socket.socket(); c.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); 
        try:
            c.bind(b.getsockname()); c.connect(a.getsockname())
        except OSError as e: print(e)
        # defer
        d = socket.socket(); d.setsockopt(socket.IPPROTO_TCP, 30, 1); d.connect(a.getsockname()); d.close()
        tool.lines(3)
        tool.stop()
    print(tool.stdout.decode()); 
