"""How a command ends when it cannot do what was asked: one message, one exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import UnsupportedOperation
from typing import Final

import click

from lineage_api.cli.printing import printable
from lineage_schemas.errors import (
    LedgerError,
    NotFoundError,
    OverloadedError,
    ProofError,
    StoreError,
)

EXIT_FINDING: Final = 1
EXIT_USAGE: Final = 2
EXIT_STORE: Final = 3
EXIT_INTERRUPTED: Final = 130
EXIT_PIPE: Final = 141
"""As of a program that the signal SIGPIPE ended: whoever read our output has gone."""

EXIT_CODES: Final = """\b
Exit codes:
  0    fine
  1    a finding: an audit is not clean, a rebuild differs, a proof does not
       hold, a document or an erasure was refused, or what was asked for is not
       in the log
  2    the command, or what was given to it, is wrong
  3    the ledger cannot be used: missing, busy, read-only, foreign, newer, or
       not what was signed
  130  interrupted
"""


class FindingError(click.ClickException):
    """What was asked for is not in the log, or a proof does not hold."""

    exit_code = EXIT_FINDING


class UsageError(click.ClickException):
    """The command, or what was given to it, is wrong."""

    exit_code = EXIT_USAGE


class StoreUnavailableError(click.ClickException):
    """The ledger cannot be used."""

    exit_code = EXIT_STORE


class InterruptedCommandError(click.ClickException):
    """Somebody pressed Ctrl-C."""

    exit_code = EXIT_INTERRUPTED


@contextmanager
def told() -> Generator[None, None, None]:
    """Tell the errors of the block as a command does: on standard error, without a traceback."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except LedgerError as error:
        raise ending_of(error) from error
    except KeyboardInterrupt:
        raise InterruptedCommandError("interrupted") from None
    except BrokenPipeError:
        _let_go_of_output()
        raise click.exceptions.Exit(EXIT_PIPE) from None
    except OSError as error:
        _let_go_of_output()
        raise UsageError(printable(f"This cannot be read or written: {error}")) from error


def ending_of(error: LedgerError) -> click.ClickException:
    """Return what ends a command with the message of an error, and with its exit code."""
    message = printable(str(error))
    match error:
        case StoreError() | OverloadedError():
            return StoreUnavailableError(message)
        case NotFoundError() | ProofError():
            return FindingError(message)
        case _:
            return UsageError(message)


def finding() -> click.exceptions.Exit:
    """Return what ends a command that has said all, and has found something."""
    return click.exceptions.Exit(EXIT_FINDING)


def _let_go_of_output() -> None:
    """Point standard output at nothing, or Python would complain once more while it ends."""
    with suppress(UnsupportedOperation):  # no file is behind it, where a program runs commands
        output = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, output)
        os.close(nowhere)
