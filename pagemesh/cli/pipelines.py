"""`pagemesh pipelines`."""

from rich import box
from rich.table import Table
from rich.text import Text

from pagemesh.cli.consoles import output_console
from pagemesh.cli.gateway_options import ApiKey
from pagemesh.cli.options import Server
from pagemesh.client import Client
from pagemesh.orchestrator.v1.orchestrator_service_pb2 import Pipeline


def pipelines(server: Server = None, api_key: ApiKey = "") -> None:
    """List the pipelines that can be asked for."""
    with Client(server, api_key=api_key) as client:
        found = client.pipelines()
    table = Table(
        "pipeline", "version", "what it does", "steps", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for pipeline in found:
        name = Text(pipeline.identity.name, "bold")
        if pipeline.is_default:
            name.append(" (default)", "not bold green")
        table.add_row(
            name, pipeline.identity.version, Text(pipeline.description), Text(_steps(pipeline))
        )
    output_console().print(table)


def _steps(pipeline: Pipeline) -> str:
    """One step a line: `step ← those it follows  if its condition`."""
    lines = []
    for step in pipeline.steps:
        after = f" ← {', '.join(step.after)}" if step.after else ""
        when = f"  if {step.when}" if step.when else ""
        lines.append(f"{step.name}{after}{when}")
    return "\n".join(lines)
