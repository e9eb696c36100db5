"""What OpenLineage's messages become: one golden file a message.

A change here is a change of the mapping. Once a version of it is released, its files stay as they
are, and a new mapping gets a new number and files of its own.
"""

from pathlib import Path

import msgspec
import pytest

from goldens import Golden
from lineage.connectors.base import ReceivedMessage, statements_of
from lineage.connectors.openlineage.mapping import OpenLineageMapping
from lineage_schemas.codec import encode_statement

HERE = Path(__file__).parent / "openlineage"
MESSAGES = sorted((HERE / "messages").glob("*.json"))


def statements(path: Path) -> str:
    """Return the statements that a message makes, for people to read."""
    message = ReceivedMessage(path.read_bytes(), "application/json")
    found = statements_of(message, OpenLineageMapping(), "openlineage")
    lines = b",".join(encode_statement(statement) for statement in found)
    return msgspec.json.format(b"[" + lines + b"]", indent=1).decode() + "\n"


@pytest.mark.parametrize("path", MESSAGES, ids=[path.stem for path in MESSAGES])
def test_a_message_makes_the_statements_it_made_before(path: Path, golden: Golden) -> None:
    golden.text(HERE / "statements" / path.name, statements(path))


def test_every_golden_file_has_its_message() -> None:
    assert [path.name for path in MESSAGES] == sorted(
        path.name for path in (HERE / "statements").iterdir()
    )
