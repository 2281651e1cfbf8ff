"""`pagemesh-keys`: API keys of the gateway's clients."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from gateway.security.keys import Key, create_key, read_keys, revoke_key
from meshkit.errors import PagemeshError

File = Annotated[
    Path,
    typer.Option(
        "--file", envvar="PAGEMESH_GATEWAY_API_KEYS_FILE", help="The gateway's file of hashed keys."
    ),
]

app = typer.Typer(
    name="pagemesh-keys",
    help="API keys of the gateway's clients.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def create(
    client: Annotated[str, typer.Argument(help="Whose key it is; one may have several.")],
    file: File,
    days: Annotated[float | None, typer.Option(min=0.001, help="How long it is good.")] = None,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    admin: Annotated[
        bool, typer.Option("--admin", help="It may erase documents of every client.")
    ] = False,
) -> None:
    """Make a key and print it: it is not kept anywhere, and not shown again."""
    lifetime = timedelta(days=days) if days else None
    typer.echo(create_key(file, client, note, lifetime, is_admin=admin))


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="What stands between the key's two `_`.")],
    file: File,
) -> None:
    """Let a key open nothing any more, within a second."""
    typer.echo(_line(revoke_key(file, key_id)))


@app.command("list")
def show(file: File) -> None:
    """Tell of every key its id, client, state and note."""
    for key in read_keys(file):
        typer.echo(_line(key))


def main() -> None:
    """The command."""
    try:
        app()
    except (PagemeshError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(1) from error


def _line(key: Key) -> str:
    state = "good" if key.is_good(datetime.now(UTC)) else "expired"
    if key.revoked_at is not None:
        state = f"revoked {key.revoked_at:%Y-%m-%d}"
    until = f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else ""
    scope = "admin" if key.is_admin else ""
    return "  ".join(part for part in (key.id, key.client, state, scope, until, key.note) if part)


if __name__ == "__main__":
    main()
