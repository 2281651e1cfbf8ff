"""What runs in a pod: makes one call over and over, from some threads, until its input ends.

Arguments: address, method, the request in base64, how many threads, 0 to call once. Needs gRPC
alone. Says `ready` when every thread was answered, and at the end, as JSON, how often what was.
"""

import base64
import json
import sys
import threading
from collections import Counter
from typing import Any

import grpc

_OPTIONS = [("grpc.enable_retries", 0), ("grpc.enable_http_proxy", 0)]
_SECONDS = 100.0


def ask(address: str, method: str, request: bytes) -> str:
    """What a call on a connection of its own is answered."""
    with grpc.insecure_channel(address, _OPTIONS) as channel:
        return _answer(channel.unary_unary(method), request)


def _answer(call: Any, request: bytes) -> str:
    try:
        call(request, timeout=_SECONDS)
    except grpc.RpcError as error:
        return f"{error.code().name} {error.details()}"
    return "OK"


def load(address: str, method: str, request: bytes, threads: int) -> Counter[str]:
    """Every answer until input ends; each thread has a connection of its own."""
    answers: Counter[str] = Counter()
    end, begun = threading.Event(), threading.Barrier(threads + 1)

    def repeat() -> None:
        options = [*_OPTIONS, ("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(address, options) as channel:
            call: Any = channel.unary_unary(method)
            answers[_answer(call, request)] += 1
            begun.wait()
            while not end.is_set():
                answers[_answer(call, request)] += 1

    running = [threading.Thread(target=repeat) for _ in range(threads)]
    for thread in running:
        thread.start()
    begun.wait()
    print("ready", flush=True)
    sys.stdin.read()
    end.set()
    for thread in running:
        thread.join()
    return answers


def main() -> None:
    address, method, encoded, threads = sys.argv[1:]
    request = base64.b64decode(encoded)
    if threads == "0":
        print(ask(address, method, request))
    else:
        print(json.dumps(load(address, method, request, int(threads))))


if __name__ == "__main__":
    main()
