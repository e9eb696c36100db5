"""What a command is asked in one namespace tells nothing of another, on either stream."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apart import (
    ERASED,
    EXAMPLE,
    HISTORIES,
    NAMESPACES,
    Said,
    Told,
    check_answer,
    let_in,
    tell,
)
from door_cli import SHOWS_NO_DATA, WHOLE, WITHIN, every_command, run, terminal_answers
from terminal import Terminal


def test_every_command_is_asked_or_has_a_reason_why_not() -> None:
    assert every_command() == {*WITHIN, *WHOLE, *SHOWS_NO_DATA}


@settings(max_examples=1)
@example(EXAMPLE, [0, 1], 1)
@given(HISTORIES, ERASED, st.integers(0, 2))
def test_no_command_tells_anything_of_another_namespace(
    history: list[Said], erased: list[int], home: int
) -> None:
    check_terminal(history, erased, home)


@pytest.mark.long
@settings(max_examples=60)
@given(HISTORIES, ERASED, st.integers(0, 2))
def test_no_command_tells_anything_of_another_namespace_for_long(
    history: list[Said], erased: list[int], home: int
) -> None:
    check_terminal(history, erased, home)


def check_terminal(history: list[Said], erased: list[int], home: int) -> None:
    namespace = NAMESPACES[home]
    with TemporaryDirectory() as folder:
        terminal = Terminal(Path(folder) / "ledger.db")
        with terminal.open() as ledger:
            keys = {one: let_in(ledger, one) for one in NAMESPACES}
            tell(ledger, history, erased)
        whole = [run(terminal, *name.split(), *more) for name, more in SHOWS_NO_DATA.items()]
        answers = list(terminal_answers(terminal, namespace, Path(folder)))
        with terminal.open() as ledger:
            told = Told(ledger, keys)
            foreign, owners = told.foreign(namespace), told.owners()
    for one in answers:
        check_answer(one.answer, foreign, owners, namespace)
    for one in whole:
        assert not [name for name in NAMESPACES if name in one.answer.text], one
    if history == EXAMPLE:
        # Each was answered well: a command that is only ever refused would tell nothing either.
        # But to approve: whoever is at the terminal without a key is one person, who proposed it.
        # And nobody registers a model in these histories: see test_serving_past.
        well = {one.command for one in answers if not one.code}
        assert well == WITHIN - {"erasure approve", "registry"}
        assert {one.code for one in whole} == {0}
