"""The cluster, by kubectl."""

import json
import subprocess
from collections.abc import Sequence
from typing import Any

MANAGER = "pagemesh"


class DeployError(Exception):
    """Something in the cluster, or on the way to it, is not as it must be; the text says what."""


class Cluster:
    """kubectl with its context.

    Attributes:
        kubectl: the program.
        context: of the kubeconfig; empty: the current one.
    """

    def __init__(self, kubectl: str = "kubectl", context: str = "") -> None:
        self.kubectl = kubectl
        self.context = context

    def run(
        self, *arguments: str, stdin: str | None = None, fine: Sequence[int] = (0,)
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl.

        Args:
            arguments: of kubectl.
            stdin: what it reads.
            fine: exit codes that are no error.

        Raises:
            DeployError: it is not there, or ends with another code; the text is what it says.
        """
        context = [f"--context={self.context}"] if self.context else []
        try:
            done = subprocess.run(
                [self.kubectl, *context, *arguments],
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError as error:
            raise DeployError("kubectl is not installed") from error
        if done.returncode not in fine:
            raise DeployError((done.stderr or done.stdout).strip())
        return done

    def get(self, *arguments: str) -> list[Any]:
        """Objects that `kubectl get` finds; none when there are none. Raises DeployError."""
        said = self.run("get", *arguments, "--output=json", "--ignore-not-found").stdout
        made = json.loads(said) if said.strip() else {"items": []}
        return list(made["items"]) if "items" in made else [made]
