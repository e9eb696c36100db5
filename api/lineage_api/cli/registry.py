"""``lineage registry``: a registered model, with all that became of its versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click

from lineage_api.cli.printing import (
    basis_line,
    json_text,
    missing_lines,
    print_json,
    print_lines,
    printable,
    tell_labels,
)
from lineage_api.cli.redactions import redaction_lines
from lineage_api.cli.serving import incomplete_lines, interval_lines, span
from lineage_api.cli.session import Session, asks, format_option, pass_session
from lineage_api.cli.valid_time import valid_at_option, valid_words
from lineage_schemas.registry_views import (
    ApprovalView,
    Existence,
    Holding,
    PreviousGood,
    PromotionView,
    RegistryAnswer,
    RollBackView,
    VersionView,
)


@click.command("registry")
@click.argument("model")
@valid_at_option
@asks
@format_option("text", "json")
@pass_session
def registry(session: Session, model: str, valid_at: datetime | None, output: str) -> None:
    """Show a registered model: its versions, and all that became of them.

    MODEL is an identifier or a label of it, or of a version of it. Shown are each version with
    what it changes and where it served; who had which stage and alias and when; approvals,
    promotions and roll-backs; and for what serves, to which version it could go back, and whether
    what that needs is still there.
    """
    with session.open() as ledger:
        answer = ledger.registry.model(
            model, valid_at=valid_at, as_of=session.as_of, namespace=session.namespace
        )
    if output == "json":
        print_json(answer)
        return
    if answer.label is not None:
        tell_labels([answer.label])
    print_lines(map(printable, _lines(answer)))
    click.echo(basis_line(answer.basis))
    for line in (
        *redaction_lines(answer.redactions, answer.basis.redactions),
        *incomplete_lines(answer.truncations, answer.unplaced),
        *missing_lines(answer.basis),
    ):
        click.echo(line, err=True)


def _lines(answer: RegistryAnswer) -> Iterator[str]:
    words = valid_words(answer.basis)
    yield f"{answer.name} ({', '.join(answer.models)}){words}"
    for version in answer.versions:
        yield from _version_lines(version)
    sections = (
        ("stages and aliases", map(_holding, answer.holdings)),
        ("approvals", map(_approval, answer.approvals)),
        ("promotions", map(_promotion, answer.promotions)),
        ("roll-backs", map(_rollback, answer.rollbacks)),
    )
    for title, lines in sections:
        yield title
        shown = list(lines)
        yield from (f"  {line}" for line in shown or ["none known"])
    for one in answer.previous_good:
        yield from _previous_lines(one)
    for finding in answer.findings:
        yield f"finding: {finding.what} ({finding.where})"


def _version_lines(version: VersionView) -> Iterator[str]:
    parts = [version.label, version.key]
    if version.semantic_version is not None:
        parts.append(version.semantic_version)
    if version.change_class is not None:
        kind = version.change_class.value.replace("_", "-")
        parts.append(f"{kind} change from {version.changed_from}")
    parts += [*version.stages, *(f"@{alias}" for alias in version.aliases)]
    if version.exists.exists is not Existence.YES:
        parts.append("is gone" if version.exists.exists is Existence.NO else "is not described")
    yield "version " + "  ".join(parts)
    for one in version.serving:
        yield f"  in {one.environment_name or 'no known environment'}: {one.place}"
        yield from interval_lines(one, "    ")
    if not version.serving:
        yield "  never served, as far as is known"


def _holding(one: Holding) -> str:
    name = f"@{one.name}" if one.kind.value == "alias" else one.name
    by = "" if one.given_by is None else f"  given by {one.given_by}"
    perhaps = "  perhaps" if one.certainty is not None and one.certainty.value == "possible" else ""
    times = span(one.start, one.start_after, one.end, one.end_after)
    current = "  current" if one.is_current else ""
    return f"{name} {one.version}  {times}{current}{by}{perhaps}  said by {one.source}"


def _approval(one: ApprovalView) -> str:
    who = f" by {one.approver or 'somebody who is not named'}"
    role = "" if one.approver_role is None else f" ({one.approver_role})"
    meaning = "" if one.meaning is None else f": {one.meaning}"
    about = "" if one.about == (one.version or one.about) else f" about {one.about}"
    when = one.decided_time or "at no stated time"
    decision = "no decision is known" if one.decision is None else f"{one.decision}{who}"
    signed = "" if one.verifier_key is None else f" with {one.verifier_key}"
    said = f"{one.version or one.about}  {decision}{role}{meaning}{about}  {when}"
    return f"{said}  {one.attestation.value}{signed}"


def _promotion(one: PromotionView) -> str:
    place = "" if one.place is None else f" in {one.place}"
    parts = [f"{one.version} to {one.to}{place}", one.at or "at no stated time"]
    if one.promoted_by is not None:
        parts.append(f"by {one.promoted_by}")
    if one.criterion is not None:
        parts.append(f"criterion {json_text(one.criterion)}")
    evidence = [json_text(each.metrics) for each in one.online_evidence]
    if one.stated_evidence is not None:
        evidence.insert(0, json_text(one.stated_evidence))
    if evidence:
        parts.append(f"online evidence {', '.join(evidence)}")
    return "  ".join(parts)


def _rollback(one: RollBackView) -> str:
    out = ", ".join(one.taken_out) or "nothing that is known"
    parts = [one.at, f"{one.place}: {out} was taken out"]
    if one.brought_back is not None:
        parts.append(f"{one.brought_back} was put back")
    if one.trigger is not None:
        summary = "" if one.trigger_summary is None else f" ({one.trigger_summary})"
        parts.append(f"set off by {one.trigger}{summary}")
    if one.reason is not None:
        parts.append(f"reason {one.reason}")
    return "  ".join(parts)


def _previous_lines(one: PreviousGood) -> Iterator[str]:
    yield f"{one.place} can go back from {one.serving} to " + (
        "nothing that was good" if one.deployment is None else one.deployment
    )
    for version in one.versions:
        yield f"  serves {version}"
    for need in one.needs:
        entry = "" if need.position is None else f"  entry {need.position}"
        yield f"  still there: {need.exists.value}  {need.key}{entry}"
    for reason in one.passed_over:
        yield f"  not good: {reason}"
