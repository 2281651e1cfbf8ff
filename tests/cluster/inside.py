"""What runs in a pod's network.

`serve NAME PORT` answers calls; `ask ADDRESS HOST METHOD [TOKEN]` makes one and prints the answer;
`configuration` prints what the pod's Envoy has.
"""

import sys
import threading
import urllib.request

import grpc

from tests.mesh.backend import Backend
from tests.mesh.mesh import ask


def main() -> None:
    command, *arguments = sys.argv[1:]
    if command == "serve":
        name, port = arguments
        Backend(name).start(f"0.0.0.0:{port}")
        threading.Event().wait()
    elif command == "configuration":
        with urllib.request.urlopen("http://127.0.0.1:15000/config_dump", timeout=60) as answer:
            sys.stdout.write(answer.read().decode())
    else:
        address, host, method, *tokens = arguments
        metadata = {"authorization": f"Bearer {tokens[0]}"} if tokens else {}
        options = [("grpc.default_authority", host), ("grpc.enable_http_proxy", 0)]
        with grpc.insecure_channel(f"ipv4:{address}", options) as channel:
            code, said = ask(channel, method, metadata=metadata)
        sys.stdout.write(f"{code.name} {said}\n")


if __name__ == "__main__":
    main()
