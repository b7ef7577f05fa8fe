"""How `GET /api/{user}` fares under load, alone and while a training runs.

    python tests/benchmarks/serve_load.py --readers 200 --seconds 20 --train

A server of its own works in a temporary folder on a timeline of 3,200 invented tweets; each
reader is a thread that asks again as soon as it is answered, on a connection that it keeps.
"""

import argparse
import http.client
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.conftest import timeline
from tests.serving import Server
from twitterbot import tweets


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--train", action="store_true", help="fine-tune the shipped base meanwhile")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tweets.write(folder / "tweets" / "tarn.jsonl", timeline("tarn", 3200))
        with Server(folder) as server:
            if arguments.train:
                server.post("finetune", {"timeline": "tarn", "name": "load"})
                server.job(lambda job: job["progress"])
            _report(server, arguments.readers, arguments.seconds)
            if arguments.train:
                job = server.get("/api/v1/status").json["job"]
                print(f"training: {job['state']}, step {job['progress']['step']}")
                server.post("job/cancel", {"keep": False})


def _report(server: Server, readers: int, seconds: float) -> None:
    expected = server.get("/api/tarn").body
    times: list[float] = []
    failures: list[str] = []
    until = time.monotonic() + seconds

    def read() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        while time.monotonic() < until:
            began = time.monotonic()
            try:
                connection.request("GET", "/api/tarn")
                response = connection.getresponse()
                body = response.read()  # else the connection takes no further request
                if response.status != 200 or body != expected:
                    failures.append(f"status {response.status}")
            except OSError as error:
                failures.append(repr(error))
                connection.close()
            times.append(time.monotonic() - began)

    threads = [threading.Thread(target=read) for _ in range(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    quantiles = statistics.quantiles(times, n=100)
    print(f"{readers} readers, {len(expected):,} bytes an answer, {len(times):,} answers")
    print(f"{len(times) / seconds:,.0f} a second, {len(failures)} failures {failures[:3]}")
    p50, p95 = quantiles[49] * 1e3, quantiles[94] * 1e3
    print(f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, max {max(times):.2f} s")


if __name__ == "__main__":
    main()
