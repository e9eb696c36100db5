"""How the code of two runs compares: by the commit, wherever it was fetched from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from lineage.connectors.git.addresses import canonical_repository
from lineage.questions.citing import Cited
from lineage.questions.commits import CODE_COMMIT, whole_commit
from lineage.questions.comparing import compare_values, judge
from lineage_schemas.comparisons import Aspect, AspectName, Compared, Verdict

_REPOSITORY: Final = "code_repository"
_DIRTY: Final = "code_is_dirty"
_DIFF: Final = "code_diff_digest"
_SHOWN_TOO: Final = ("code_branch", "entry_point")

_ONE_COMMIT: Final = "The commit is one, and so is the code, whatever the repository is called."
_TWO_HASHES: Final = "These are hashes of two kinds, so nobody can tell."


def compare_code(one: Mapping[str, Cited], other: Mapping[str, Cited]) -> Aspect:
    """Compare what two runs say of their code.

    Equal commits tell nothing of trees that were dirty, or may have been. A whole commit names its
    content, so where it is one, the repository may be a fork, a mirror or another spelling.
    """

    def compared(name: str) -> Compared:
        return compare_values(name, one.get(name), other.get(name))

    repository, commit = _repository(compared(_REPOSITORY)), _commit(compared(CODE_COMMIT))
    dirty, diff = compared(_DIRTY), compared(_DIFF)
    judged = [repository, commit, dirty, diff]
    if commit.verdict is Verdict.SAME and whole_commit(commit.one) is not None:
        judged.remove(repository)
        if repository.verdict is Verdict.DIFFERS:
            repository = replace(repository, note=_ONE_COMMIT)
    verdict = judge(judged)
    is_known = commit.verdict is dirty.verdict is Verdict.SAME
    is_told = dirty.one is False or diff.verdict is Verdict.SAME
    if verdict is Verdict.SAME and not (is_known and is_told):
        verdict = Verdict.PARTLY_KNOWN
    shown_too = (compared(name) for name in _SHOWN_TOO)
    return Aspect(
        name=AspectName.CODE,
        verdict=verdict,
        items=(repository, commit, dirty, diff, *shown_too),
    )


def _repository(compared: Compared) -> Compared:
    """Take two spellings of one address for the same."""
    one, other = compared.one, compared.other
    if not isinstance(one, str) or not isinstance(other, str):
        return compared
    is_one = canonical_repository(one) == canonical_repository(other)
    return replace(compared, verdict=Verdict.SAME) if is_one else compared


def _commit(compared: Compared) -> Compared:
    """Take a commit for the same in upper and lower case."""
    one, other = whole_commit(compared.one), whole_commit(compared.other)
    if one is None or other is None:
        return compared
    if len(one) != len(other):
        return replace(compared, verdict=Verdict.UNKNOWN, note=_TWO_HASHES)
    return replace(compared, verdict=Verdict.SAME if one == other else Verdict.DIFFERS)
