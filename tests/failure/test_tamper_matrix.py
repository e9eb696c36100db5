"""Everything that can be done to a ledger's files, and which level of an audit sees it.

The table is this file's; the page docs/tampering.md must say the same.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import pytest

import tampering
import tree
from lineage.audit import AuditLevel
from lineage.ledger import open_ledger
from tampering import ERASED, SIZE, VICTIM, Scene

PAGE: Final = "docs/tampering.md"
NOWHERE: Final = None
"""No finding names an entry: nothing that an entry says was changed, or nobody can tell which."""

SEEN: Final = "seen"
UNSEEN: Final = "-"


class Row(NamedTuple):
    """A deed, the first level that sees it (``None``: no level does), and the entries named."""

    deed: Callable[[Scene], None]
    words: str
    level: AuditLevel | None
    outside: str
    """Whether level 0 sees it, given a checkpoint that was kept elsewhere: SEEN or UNSEEN."""
    place: tuple[int, int] | None


S, T, E, P, V = AuditLevel
MATRIX: Final = (
    Row(tampering.edit_envelope, "edit an envelope", E, UNSEEN, (VICTIM, VICTIM)),
    Row(
        tampering.edit_envelope_and_leaf,
        "edit an envelope, and its leaf hash",
        T,
        UNSEEN,
        (0, 255),
    ),
    Row(
        tampering.edit_envelope_and_tree,
        "edit an envelope, and recompute leaf, subtrees, head and views",
        S,
        SEEN,
        (0, SIZE - 1),
    ),
    Row(tampering.delete_entry, "delete an entry", T, UNSEEN, (VICTIM, VICTIM)),
    Row(tampering.swap_entries, "swap two entries", T, UNSEEN, (0, 255)),
    Row(tampering.truncate, "delete the last entry", S, SEEN, (SIZE - 1, SIZE - 1)),
    Row(
        tampering.truncate_carefully,
        "delete the last entries, and recompute subtrees, head and views",
        S,
        SEEN,
        (ERASED, ERASED),
    ),
    Row(
        tampering.restore_old_file,
        "put an old file of the store back",
        S,
        SEEN,
        (ERASED, ERASED),
    ),
    Row(
        tampering.fork,
        "write to two copies, and give one the sidecar of the other",
        S,
        SEEN,
        (0, SIZE),
    ),
    Row(tampering.change_payload, "change a payload part", P, UNSEEN, (VICTIM, VICTIM)),
    Row(
        tampering.erase_without_a_word,
        "erase a payload part without an entry that says so, and fold the views anew",
        P,
        UNSEEN,
        (VICTIM, VICTIM),
    ),
    Row(
        tampering.put_an_erased_part_back,
        "put an erased part back, and fold the views anew",
        P,
        UNSEEN,
        (ERASED, ERASED),
    ),
    Row(
        tampering.put_half_of_an_erased_part_back,
        "put the body of an erased part back, without its salt",
        P,
        UNSEEN,
        (ERASED, ERASED),
    ),
    Row(
        tampering.add_payload_of_no_entry,
        "add payload that belongs to no entry",
        P,
        UNSEEN,
        (SIZE, SIZE),
    ),
    Row(
        tampering.erase_what_is_held,
        "state an erasure that a hold forbids, do it, and sign",
        V,
        UNSEEN,
        (SIZE + 2, SIZE + 2),
    ),
    Row(tampering.change_subtree, "change a stored subtree (a tile)", S, SEEN, (0, 255)),
    Row(
        tampering.change_stored_checkpoint,
        "change the checkpoint in the store",
        S,
        SEEN,
        NOWHERE,
    ),
    Row(
        tampering.change_remembered_checkpoint,
        "change the checkpoint in the sidecar",
        S,
        SEEN,
        NOWHERE,
    ),
    Row(
        tampering.replace_key,
        "replace the key, and sign both checkpoints with another",
        S,
        SEEN,
        NOWHERE,
    ),
    Row(tampering.change_view, "change a row of a view", V, UNSEEN, NOWHERE),
    Row(
        tampering.replace_key_and_history,
        "replace the key and the whole history, in every file",
        None,
        SEEN,
        NOWHERE,
    ),
    Row(
        tampering.rewrite_history,
        "rewrite the whole history with the ledger's own key, in every file",
        None,
        SEEN,
        NOWHERE,
    ),
)
ROWS: Final = pytest.mark.parametrize("row", MATRIX, ids=[one.deed.__name__ for one in MATRIX])


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Return the files of a ledger that nobody touched."""
    scene = tampering.set_the_scene(tmp_path_factory.mktemp("original"))
    assert tampering.stored_size(scene) == SIZE
    return scene


@pytest.fixture
def scene(original: Scene, tmp_path: Path) -> Scene:
    """Return a copy of them."""
    return original.copy_to(tmp_path / "victim")


@pytest.mark.parametrize("level", AuditLevel)
def test_files_that_nobody_touched_are_clean_at_every_level(
    scene: Scene, level: AuditLevel
) -> None:
    for checkpoint in (None, scene.kept_elsewhere):
        report = scene.audit(level, checkpoint)
        assert report.findings == ()
        assert report.signed_size == report.size == SIZE


@ROWS
def test_each_deed_is_seen_from_its_level_on(scene: Scene, row: Row) -> None:
    row.deed(scene)
    seen = [level for level in AuditLevel if not scene.audit(level).clean]
    assert seen == [one for one in AuditLevel if row.level is not None and one >= row.level]
    report = scene.audit(AuditLevel.SIGNATURE, scene.kept_elsewhere)
    assert (UNSEEN if report.clean else SEEN) == row.outside


@ROWS
def test_the_entry_is_named_where_it_can_be(scene: Scene, row: Row) -> None:
    row.deed(scene)
    report = scene.audit(AuditLevel.VIEWS)
    start, end = report.first_bad_position, report.first_bad_upto
    assert (None if start is None else (start, start if end is None else end)) == row.place


@ROWS
def test_nothing_passes_the_full_audit_with_a_checkpoint_that_was_kept_elsewhere(
    scene: Scene, row: Row
) -> None:
    row.deed(scene)
    assert not scene.audit(AuditLevel.VIEWS, scene.kept_elsewhere).clean


def test_every_deed_stands_in_the_table() -> None:
    deeds = {
        value
        for value in vars(tampering).values()
        if getattr(value, "__annotations__", None) == {"scene": Scene, "return": None}
        and not value.__name__.startswith("_")
    }
    assert deeds == {row.deed for row in MATRIX}


def test_a_sidecar_that_was_damaged_is_a_finding(scene: Scene) -> None:
    scene.sidecar.write_bytes(scene.sidecar.read_bytes()[:-9])
    (found,) = scene.audit(AuditLevel.VIEWS).findings
    assert found.level is AuditLevel.SIGNATURE
    assert "The sidecar cannot be used" in found.what


def test_opening_a_ledger_erases_again_what_was_put_back(scene: Scene) -> None:
    tampering.put_an_erased_part_back(scene)
    with open_ledger(scene.store) as ledger:
        assert ledger.audit().clean


# --- the page ------------------------------------------------------------------------------------


def table() -> str:
    """Return the table of the page."""
    levels = [f"level {level.value}" for level in AuditLevel]
    head = ["deed", *levels, "level 0 with a kept checkpoint"]
    lines = [head, ["---"] * len(head)]
    for row in MATRIX:
        seen = [
            SEEN if row.level is not None and level >= row.level else UNSEEN for level in AuditLevel
        ]
        lines.append([row.words, *seen, row.outside])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def test_the_page_has_this_table() -> None:
    page = tree.text(PAGE) or ""
    assert table() in page
    assert page.count("\n| deed |") == 1


def test_the_page_explains_every_row() -> None:
    page = tree.text(PAGE) or ""
    explained = [line[4:].strip() for line in page.splitlines() if line.startswith("### ")]
    assert explained == [row.words[0].upper() + row.words[1:] for row in MATRIX]
