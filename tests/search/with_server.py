"""Tests of galleries on a real Milvus server of their own: python -m tests.search.with_server

What `make milvus` calls. The server is PyPI's `milvus`, one program with nothing around it, in
`.venv-milvus`; it listens while the tests run, and its data is removed with it.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from tests.pages import ROOT

SERVER = ROOT / ".venv-milvus" / "bin" / "milvus-server"


def main():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [SERVER, "--data", folder, "--proxy-port", str(port)], start_new_session=True
        )
        try:
            wait_for(port, server)
            return subprocess.call(
                [sys.executable, "-m", "pytest", "tests/search", "-k", "server", *sys.argv[1:]],
                cwd=ROOT,
                env={**os.environ, "OSNET_TF_TEST_MILVUS": f"http://127.0.0.1:{port}"},
            )
        finally:
            os.killpg(server.pid, signal.SIGTERM)  # the program that it has started, too
            server.wait()


def wait_for(port, server, seconds=300):
    """Until the server takes requests."""
    from pymilvus import MilvusClient, MilvusException

    end = time.monotonic() + seconds
    while True:
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"The Milvus server does not answer at port {port}")
        try:
            MilvusClient(f"http://127.0.0.1:{port}", timeout=10).list_databases()
            return
        except MilvusException:
            time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
