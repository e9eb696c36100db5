"""A proposed erasure as text: on one line, or on a few."""

from __future__ import annotations

from collections.abc import Iterator

from lineage_api.cli.erased import parts_text
from lineage_api.cli.printing import counted
from lineage_schemas.erasures import ProposalState, ProposalView


def proposal_row(view: ProposalView) -> list[str]:
    """Return a proposal as cells: position, state, what, by what right, by whom, what became."""
    entries = counted(len(view.positions), "entry", "entries")
    return [
        str(view.position),
        view.state.value,
        f"the {parts_text(view.parts)} parts of {entries}",
        view.legal_basis,
        f"proposed by {view.requester} at {view.proposed_at}",
        _became(view),
    ]


def proposal_lines(view: ProposalView) -> Iterator[str]:
    """Yield what is known of a proposal."""
    yield f"proposal  at position {view.position}, {view.state.value}"
    yield f"proposed  by {view.requester} at {view.proposed_at}"
    yield f"erases    the {parts_text(view.parts)} parts of {', '.join(map(str, view.positions))}"
    yield f"basis     {view.legal_basis}"
    if view.reason:
        yield f"reason    {view.reason}"
    yield f"became    {_became(view)}"


def _became(view: ProposalView) -> str:
    match view.state:
        case ProposalState.ERASED:
            return f"approved by {view.decider}, erased as position {view.decided_by} states"
        case ProposalState.REFUSED if view.because:
            held = ", ".join(map(str, view.because))
            return (
                f"approved by {view.decider}, and forbidden by what positions {held} state, "
                f"as position {view.decided_by} states"
            )
        case ProposalState.REFUSED:
            return f"refused by {view.decider} as position {view.decided_by} states: {view.refusal}"
        case ProposalState.GONE:
            return "another erasure has taken all of it"
        case ProposalState.EXPIRED:
            return f"expired at {view.expires}"
        case ProposalState.OPEN:
            return f"can be approved until {view.expires}"
