"""The door of the terminal: each command, asked in one namespace.

Whoever is at the terminal has the files and may do everything; the namespace that a command names
bounds what it says all the same. The commands are taken from the command line itself; one that is
in no list here is a failure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from apart import JOBS, KEYS, KINDS, OWN_TYPE, RUNS, SHARED, Answer, mark, message, records
from door_http import statement
from doors import DOCUMENTS
from lineage_api.cli.main import cli
from lineage_schemas.values import JsonValue
from terminal import Terminal

Arguments = tuple[str, ...]

SHOWS_NO_DATA: dict[str, Arguments] = {
    "audit": (),
    "checkpoint": (),
    "config": (),
    "doctor": (),
    "key list": (),
    "rebuild": (),
}
"""What is of the ledger as a whole and shows nothing of what anybody said: it must name nobody."""

WHOLE: dict[str, str] = {
    "access key revoke": "one key of any namespace, by its id",
    "access log": "who was given what, of every namespace",
    "access revoke": "one grant of any namespace, by its position",
    "anchor": "hands a checkpoint out: hashes and a signature",
    "backup": "a copy of everything",
    "demo": "a ledger of its own",
    "export": "a copy of everything",
    "import ledger": "a copy of everything",
    "import argocd": "takes in, and shows counts: see test_cli_deployed",
    "import dvc": "takes in, and shows counts: see test_cli_dvc",
    "import kubernetes": "takes in, and shows counts: see test_cli_deployed",
    "import mlflow": "takes in, and shows counts: see test_cli_mlflow",
    "import rows": "takes in, and shows counts: see test_cli_rows",
    "import terraform": "takes in, and shows counts: see test_cli_deployed",
    "key handover": "a proof of the ledger's own entry",
    "key make": "a file, and no ledger",
    "key rotate": "states a new key in the ledger's own namespace",
    "recover": "the ledger's own affair",
    "restore": "a copy of everything",
    "serve": "the door of HTTP",
    "watch mlflow": "takes in, and shows counts: see test_cli_mlflow",
}
"""What is not asked in a namespace, and why: whoever may do it has all of the files."""

ASKED = (
    *("access key list", "access list", "access who", "between", "columns", "common", "compare"),
    *("conflicts", "cycles", "diff", "erasure list", "erasure show", "find", "history", "holds"),
    *("impact", "late", "links", "list", "orphans", "paths", "provenance", "query", "registry"),
    *("report dossier", "serving", "show", "sources", "why"),
)
CHANGING = (
    *("access grant", "access key make", "erasure approve", "erasure propose", "erasure refuse"),
    *("attach", "declare", "expect", "hold", "ingest", "redact", "release", "retain"),
)
PROVING = ("prove", "verify", "trace")
EXPLORING = ("paths", "common", "impact", "orphans", "cycles")
WITHIN = frozenset({*ASKED, *CHANGING, *PROVING, *EXPLORING})
"""What is asked or said in one namespace."""


def leaves(group: click.Group, before: str = "") -> Iterator[str]:
    """Yield the name of each command that does something."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, f"{before}{name} ")
        else:
            yield before + name


def every_command() -> set[str]:
    """Return every command there is."""
    return set(leaves(cli))


def asking(namespace: str) -> Iterator[Arguments]:
    """Yield what changes nothing."""
    identifiers = (*KEYS, *RUNS, *JOBS, SHARED)
    yield from exploring(namespace)
    yield from (("show", one, "--format", form) for one in identifiers for form in ("tree", "json"))
    yield from (("trace", one, "--direction", "both", "--format", "json") for one in identifiers)
    yield "trace", *KEYS, "--format", "tree"
    for name in (*KINDS, OWN_TYPE, "lineage.Train"):
        yield "list", name, "--format", "json"
    yield "list", "artifact", "--limit", "1"
    yield "find", "mark"
    yield "find", "--filter", "is:described", "--format", "json"
    yield "list", "artifact", "--filter", "kind:artifact,context", "--format", "json"
    yield "find", mark(namespace, 0)[:4], "--format", "json"
    for form in ("text", "json"):
        yield "links", "--format", form
        yield "links", "--unresolved", "--format", form
        yield "conflicts", "--format", form
        yield "conflicts", "--valid-at", "2030-01-01T00:00:00Z", "--format", form
    yield from (("links", one, "--format", "json") for one in identifiers)
    yield from (("why", KEYS[0], one, "--format", "json") for one in identifiers)
    yield from (("conflicts", one, "--format", "json") for one in identifiers)
    yield "why", KEYS[0], mark(namespace, 0)
    yield "why", *KEYS[:2], "--valid-at", "2030-01-01T00:00:00Z"
    yield "show", mark(namespace, 0), "--format", "json"
    yield "trace", mark(namespace, 0), "--format", "json"
    yield from (("report", "dossier", one) for one in (*KEYS, mark(namespace, 0)))
    yield "report", "dossier", KEYS[0], "--form", "html"
    yield "holds", "--format", "json"
    yield ("serving",)
    yield "serving", "--format", "json"
    yield from (("serving", one, "--format", "json") for one in identifiers)
    yield from (("registry", one, "--format", "json") for one in identifiers)
    yield ("sources",)
    yield "sources", "--format", "json"
    yield "erasure", "list", "--format", "json"
    yield "access", "list", "--format", "json"
    yield "access", "who", "read", "--format", "json"
    yield "access", "key", "list", "--format", "json"


def exploring(namespace: str) -> Iterator[Arguments]:
    """Yield what asks of the graph, and of who said what, and changes nothing."""
    identifiers = (*KEYS, *RUNS, *JOBS, SHARED)
    for form in ("text", "json"):
        yield "between", "0", "--format", form
        yield "between", "0", "--filter", "is:described", "--format", form
        yield "diff", *KEYS, "--from", "0", "--direction", "both", "--format", form
        yield "compare", *RUNS[:2], "--format", form
    yield from (("provenance", one, "--format", "json") for one in identifiers)
    yield from (("compare", one, SHARED, "--format", "json") for one in identifiers)
    forms = ("dot", "graphml", "node-link", "prov", "openlineage")
    yield from (("trace", *KEYS, "--format", form) for form in forms)
    for form in ("text", "json"):
        yield "paths", KEYS[0], KEYS[1], "--format", form
        yield "common", KEYS[0], RUNS[0], "--format", form
        yield "impact", *KEYS, "--format", form
        yield "orphans", "--format", form
        yield "cycles", "--format", form
    yield "paths", RUNS[0], mark(namespace, 0), "--format", "json"
    yield "orphans", OWN_TYPE, "--format", "json"
    yield "orphans", "artifact", "--without", "no-upstream", "--format", "json"
    for form in ("tree", "json"):
        yield from (("columns", one, "--direction", "both", "--format", form) for one in KEYS)
    for form in ("text", "json"):
        yield from (("history", one, "--format", form) for one in identifiers)
        yield "late", "--lag", "none", "--format", form


def changing(size: int) -> Iterator[Arguments]:
    """Yield what says something, or would: by keys, and by positions of whomever they are."""
    yield "access", "grant", "new", "reader", "--format", "json"
    yield "access", "key", "make", "new", "--format", "json"
    yield "expect", "ci", "--within", "1s", "--format", "json"
    yield "hold", KEYS[0], "--authority", "court", "--format", "json"
    yield "retain", KEYS[1], "--class", "c", "--days", "3", "--legal-basis", "b", "--format", "json"
    for position in (*range(size - 8, size + 4), size // 2):
        yield "release", str(position), "--reason", "r", "--format", "json"
        yield "erasure", "show", str(position), "--format", "json"
        yield "erasure", "approve", str(position), "--format", "json"
        yield "erasure", "refuse", str(position), "--reason", "r", "--format", "json"
        yield "prove", str(position)
        yield "redact", str(position), "--dry-run", "--format", "json"
    for key in (*KEYS, RUNS[0]):
        yield "erasure", "propose", key, "--all", "--legal-basis", "b", "--format", "json"
        yield "redact", key, "--dry-run"
        yield "prove", key, "--format", "json"
    for key in (*KEYS, "nobody calls anything so"):
        yield "attach", key, "/dev/null", "--format", "json"
    yield "ingest", "-", "--format", "json"


def sent(namespace: str) -> bytes:
    """Return what is ingested: what everybody says, under the same ids."""
    return b"\n".join(
        (
            message(namespace, 501, 0),
            statement("s0-0", *records(namespace, 0, 0, 8)),
            statement("s1-5", *records(namespace, 5, 0, 8), mode="command"),
            statement("cites", message="s0-0"),
        )
    )


def declared(namespace: str) -> Iterator[bytes]:
    """Yield what is declared of what everybody has, and of what only others may have."""
    for number, key in enumerate((*KEYS, *JOBS, mark(namespace, 0))):
        named: dict[str, JsonValue] = {"id": f"d{number}", "subject": key, "owner": key}
        yield json.dumps(named).encode()
        yield json.dumps(named | {"kind": "artifact", "tier": "high"}).encode()


class Ran(NamedTuple):
    """A command that was run to its end."""

    arguments: Arguments
    code: int
    answer: Answer

    @property
    def command(self) -> str:
        """Its name."""
        words = " ".join(self.arguments)
        return next(one for one in sorted(WITHIN, key=len)[::-1] if words.startswith(one))


def terminal_answers(terminal: Terminal, namespace: str, folder: Path) -> Iterator[Ran]:
    """Run every command in one namespace."""
    size = terminal.size()
    for arguments in (*asking(namespace), *changing(size)):
        yield run(terminal, *arguments, "--namespace", namespace, given=sent(namespace))
    yield run(terminal, "ingest", "-", "--namespace", namespace, given=message(namespace, 502, 1))
    for body in declared(namespace):
        yield run(terminal, "declare", "-", "--namespace", namespace, given=body)
    for document in DOCUMENTS:
        variables = json.dumps({"of": namespace} if "$of" in document else {})
        yield run(terminal, "query", "-", "--variables", variables, given=document.encode())
    proof = str(folder / f"{namespace}.proof")
    within = ("--namespace", namespace)
    proved = run(terminal, "prove", KEYS[0], "--personal", "--output", proof, *within)
    yield proved
    if not proved.code:
        yield proved._replace(answer=Answer(Path(proof).read_text()))
        yield run(terminal, "verify", proof, "--key", terminal.verifier(), "--full")


def run(terminal: Terminal, *arguments: str, given: bytes | None = None) -> Ran:
    """Run a command to its end, well or not; a fault of ours is neither."""
    result = terminal.run(*arguments, given=given)
    assert isinstance(result.exception, SystemExit | None), result.exception
    is_json = "json" in arguments and result.stdout[:1] in {"{", "["}
    said: JsonValue = json.loads(result.stdout.splitlines()[0]) if is_json else None
    answer = Answer(f"{result.stdout}\n{result.stderr}", said)
    return Ran(arguments, result.exit_code, answer)
