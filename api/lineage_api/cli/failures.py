"""How a command ends when it cannot do what was asked: one message, one exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import UnsupportedOperation
from typing import Final

import click

from lineage.connectors.transport import SourceError
from lineage_api.cli.printing import printable
from lineage_schemas.errors import (
    InvalidInputError,
    LedgerError,
    NotFoundError,
    OverloadedError,
    ProofError,
    StoreError,
)

EXIT_FINDING: Final = 1
EXIT_USAGE: Final = 2
EXIT_STORE: Final = 3
EXIT_SOURCE: Final = 4
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
  4    a source cannot be read: not reached, refused, too slow, or not what it
       should be
  130  interrupted
"""


_DENIED: Final = (
    "This may not be read or written",
    "Check the permissions of the file and its folder, and how the disk is mounted.",
)
_FULL: Final = ("There is no room left to write this", "Make room, and try again.")
_WORDS: Final = {
    errno.EEXIST: (
        "There is a file of this name already",
        "Name another file: none is written over.",
    ),
    errno.ENOENT: (
        "There is no such file or folder",
        "Check the name; a folder is not made for you.",
    ),
    errno.EISDIR: ("This is a folder, and a file is wanted", "Name a file."),
    errno.ENOTDIR: ("A part of this path is a file, and no folder", "Check the path."),
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EROFS: _DENIED,
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
}
"""What the machine says, and what to try."""


class FindingError(click.ClickException):
    """What was asked for is not in the log, or a proof does not hold."""

    exit_code = EXIT_FINDING


class UsageError(click.ClickException):
    """The command, or what was given to it, is wrong."""

    exit_code = EXIT_USAGE


class StoreUnavailableError(click.ClickException):
    """The ledger cannot be used."""

    exit_code = EXIT_STORE


class SourceUnavailableError(click.ClickException):
    """A source cannot be read."""

    exit_code = EXIT_SOURCE


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
        raise ending_of(_in_words(error)) from error


def ending_of(error: LedgerError) -> click.ClickException:
    """Return what ends a command with the message of an error, and with its exit code."""
    message = printable(str(error))
    match error:
        case StoreError() | OverloadedError():
            return StoreUnavailableError(message)
        case NotFoundError() | ProofError():
            return FindingError(message)
        case SourceError():
            return SourceUnavailableError(message)
        case _:
            return UsageError(message)


def _in_words(error: OSError) -> InvalidInputError:
    where = "" if error.filename is None else os.fsdecode(error.filename)
    otherwise = (f"This cannot be read or written: {error.strerror or error}", "")
    what, hint = _WORDS.get(error.errno or 0, otherwise)
    return InvalidInputError(what, where=where, hint=hint)


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
