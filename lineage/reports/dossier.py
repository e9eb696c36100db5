"""Write the dossier of a model version: a pure function of what was gathered, and of its basis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Final

from lineage.reports.conduct import (
    tell_approvals,
    tell_declarations,
    tell_documents,
    tell_incidents,
    tell_metrics,
    tell_others,
    tell_serving,
)
from lineage.reports.gathered import Gathered, Story
from lineage.reports.joining import LATE_AFTER_DAYS
from lineage.reports.origins import (
    tell_code,
    tell_data,
    tell_environment,
    tell_identity,
    tell_links,
    tell_parameters,
    tell_rest,
    tell_runs,
    tell_tested,
)
from lineage.reports.reproducing import tell_reproducibility
from lineage.reports.summing import names_of, tell_remaining, tell_summary
from lineage.reports.telling import SECTION_ITEMS_MAX, words_in
from lineage_schemas.basis import Basis
from lineage_schemas.reports import (
    DOSSIER_KIND,
    DOSSIER_VERSION,
    Fact,
    Finding,
    FindingCode,
    Item,
    ItemStatus,
    Report,
    Scope,
    Section,
)

POSITIONS_IN_FINDING_MAX: Final = 100

_DAY: Final = 10

_CHAPTERS: Final[tuple[tuple[str, str, Callable[[Story], list[Item]]], ...]] = (
    ("identity", "What it is", tell_identity),
    ("data", "What it learned from", tell_data),
    ("tested", "What it was tested on", tell_tested),
    ("code", "Which code made it", tell_code),
    ("runs", "What ran", tell_runs),
    ("rest", "What else it stands on", tell_rest),
    ("parameters", "With which parameters", tell_parameters),
    ("environment", "On what it ran", tell_environment),
    ("metrics", "What was measured", tell_metrics),
    ("approvals", "Who approved it", tell_approvals),
    ("serving", "Where it served, and when", tell_serving),
    ("incidents", "What went wrong", tell_incidents),
    ("declarations", "What people declared", tell_declarations),
    ("documents", "Documents", tell_documents),
    ("others", "Where else its data went", tell_others),
    ("reproducibility", "What it takes to make it again", tell_reproducibility),
    ("links", "Links between tools that were followed", tell_links),
)


def write_dossier(gathered: Gathered) -> Report:
    """Return the dossier of what was gathered. The same basis gives the same bytes."""
    story = Story(gathered)
    told = [_section(name, title, tells(story)) for name, title, tells in _CHAPTERS]
    chapters = [section for section, _ in told]
    first = _section("summary", "In short", tell_summary(story, chapters))
    last = _section("besides", "Everything else that was said", tell_remaining(story, chapters))
    told = [first, *told, last]
    sections = tuple(section for section, _ in told)
    cut = [
        Finding(
            code=FindingCode.TRUNCATED,
            what=f"{more} more items are not shown: a section shows {SECTION_ITEMS_MAX}",
            section=section.name,
        )
        for section, more in told
        if more
    ]
    facts = [fact for section in sections for one in section.items for fact in one.facts]
    cited = sorted({position for fact in facts for position in fact.positions})
    findings = (*cut, *_findings(story, tuple(chapters), cited))
    return Report(
        kind=DOSSIER_KIND,
        form_version=DOSSIER_VERSION,
        generated_by=gathered.basis.software,
        subject=story.subject.key,
        title=f"Dossier of {story.subject.label}",
        basis=gathered.basis,
        valid_at=gathered.valid_at,
        scope=Scope(
            sources=gathered.sources,
            nodes=len({fact.of for fact in facts}),
            facts=len(facts),
            undated=sum(_is_undated(gathered, fact) for fact in facts),
            left_out=gathered.left_out,
            truncations=gathered.truncations,
        ),
        sections=sections,
        findings=findings,
        names=names_of(story, _mentioned(story, sections, findings)),
        redactions=gathered.redactions,
        corrections=gathered.corrections,
        entries=tuple(gathered.entries[position] for position in cited),
        verification=_verification(gathered.basis),
    )


def _section(name: str, title: str, items: list[Item]) -> tuple[Section, int]:
    """Return a section, and how many of its items it does not show."""
    shown = tuple(items[:SECTION_ITEMS_MAX])
    return Section(name=name, title=title, items=shown), len(items) - len(shown)


def _mentioned(
    story: Story, sections: tuple[Section, ...], findings: tuple[Finding, ...]
) -> Iterator[str]:
    """Yield every text of a report that may be the key of a thing."""
    yield story.subject.key
    for section in sections:
        for one in section.items:
            yield from filter(None, (one.about,))
            for fact in one.facts:
                yield fact.of
                if isinstance(fact.value, str):
                    yield fact.value
                for part in words_in(fact.value):
                    if isinstance(part, str):
                        yield part
    yield from (one.where for one in findings if one.where is not None)
    yield from (one.of for one in story.gathered.corrections)


def _is_undated(gathered: Gathered, fact: Fact) -> bool:
    """Tell whether nobody stated when something was so."""
    entries = [gathered.entries[position] for position in fact.positions]
    return all(one.stated_from is None and one.stated_to is None for one in entries)


def _findings(story: Story, sections: tuple[Section, ...], cited: list[int]) -> Iterator[Finding]:
    gathered = story.gathered
    yield from _gaps(sections)
    for thing in gathered.things.values():
        if thing.is_stub:
            yield Finding(
                code=FindingCode.STUB,
                what="It is named, and nobody has described it",
                where=thing.key,
                positions=(thing.since,) if thing.since in cited else (),
            )
    yield from _overdue(story)
    yield from _limits(gathered)
    if gathered.basis.redactions:
        what = f"Something was erased from {gathered.basis.redactions} entries in scope"
        positions = tuple(one.position for one in gathered.redactions[:POSITIONS_IN_FINDING_MAX])
        yield Finding(code=FindingCode.REDACTED, what=what, positions=positions)
    for reason in gathered.basis.incomplete_because:
        yield Finding(code=FindingCode.SOURCE, what=reason)
    late = [position for position in cited if gathered.entries[position].late]
    if late:
        yield Finding(
            code=FindingCode.LATE,
            what=f"{len(late)} of the cited entries were recorded more than {LATE_AFTER_DAYS} days "
            "after what they state",
            positions=tuple(late[:POSITIONS_IN_FINDING_MAX]),
        )


def _gaps(sections: tuple[Section, ...]) -> Iterator[Finding]:
    codes = {ItemStatus.MISSING: FindingCode.MISSING, ItemStatus.PARTIAL: FindingCode.PARTIAL}
    for section in sections:
        for one in section.items:
            found = [(codes[one.status], one.reason or "")] if one.status in codes else []
            if one.hidden:
                found.append((FindingCode.TRUNCATED, f"{one.hidden} more facts are not shown"))
            for code, what in found:
                yield Finding(
                    code=code, what=what, section=section.name, item=one.name, where=one.about
                )


def _overdue(story: Story) -> Iterator[Finding]:
    """Compare review days with the valid time; without one nothing is overdue."""
    valid_at = story.gathered.valid_at
    if valid_at is None:
        return
    for one in story.of_type("Declaration"):
        cited = one.cited("review_date")
        day = None if cited is None else cited.value
        if cited is not None and isinstance(day, str) and _has_passed(day, valid_at):
            yield Finding(
                code=FindingCode.OVERDUE,
                what=f"It was to be reviewed by {day}",
                where=one.key,
                positions=(cited.position,),
            )


def _has_passed(day: str, valid_at: str) -> bool:
    """Tell whether a day is over. What is no day does not pass: the fact shows what was said."""
    try:
        return date.fromisoformat(day[:_DAY]) < date.fromisoformat(valid_at[:_DAY])
    except ValueError:
        return False


def _limits(gathered: Gathered) -> Iterator[Finding]:
    for cut in gathered.truncations:
        yield Finding(
            code=FindingCode.TRUNCATED,
            what=f"At least {cut.hidden} more things were seen and not taken in: the limit is "
            f"{cut.limit} {cut.reason.value}",
        )
    if gathered.corrections_hidden:
        what = f"{gathered.corrections_hidden} more values that were replaced are not listed"
        yield Finding(code=FindingCode.TRUNCATED, what=what)
    if gathered.unplaced:
        what = f"{gathered.unplaced} moves of places could not be read"
        yield Finding(code=FindingCode.UNPLACED, what=what)


def _verification(basis: Basis) -> tuple[str, ...]:
    made_again = (
        "This report is the same, byte for byte, whenever it is made again on its basis. Put its "
        "JSON form into dossier.json, and make it again: `lineage report dossier SUBJECT --basis "
        "dossier.json --form json -o again.json`, with the subject of this report; over HTTP, with "
        "the query `basis`. Then compare `sha256sum dossier.json again.json`."
    )
    tree = (
        f"The log is {basis.origin}. The tree over its first {basis.size} entries has the root "
        f"{basis.root}. A signed checkpoint of that size says the same; of a later one, a proof of "
        "growth shows that it continues this tree."
    )
    leaves = (
        "Each entry in the list of cited entries has its leaf, which is in that tree. "
        "`lineage prove POSITION` writes a proof of an entry, and `lineage verify` checks it "
        "without the ledger."
    )
    whole = (
        "`lineage audit` checks the whole log, and that what this was read from follows from it."
    )
    return made_again, tree, leaves, whole
