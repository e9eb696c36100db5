"""In which order the messages of a delivery come, and how they are batched, decides nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from canonical import canonical_graph
from cdevents_messages import Object, cdevent, path_from, told, trigger
from lineage_schemas.values import JsonValue

KINDS = (
    *("pipelinerun.queued", "pipelinerun.started", "pipelinerun.finished"),
    *("taskrun.started", "taskrun.finished", "testcaserun.skipped", "testoutput.published"),
    *("artifact.packaged", "artifact.signed", "artifact.deleted", "build.finished"),
    *("service.deployed", "service.upgraded", "service.rolledback", "service.removed"),
    *("service.published", "incident.detected", "incident.reported", "incident.resolved"),
    *("approval.created", "approval.updated", "approval.closed"),
    *("change.created", "change.merged", "ticket.closed", "environment.modified"),
)
CUSTOM: JsonValue = {"role": "canary", "revision": "r1", "traffic_ratio": 0.5}
SUBJECTS = ("pkg:generic/one@1", "two")


@st.composite
def contents(draw: st.DrawFn) -> Object:
    """What a message may say; fields that its type does not have are passed over."""
    fields: dict[str, st.SearchStrategy[JsonValue]] = {
        "environment": st.sampled_from([{"id": "dev"}, {"id": "prod", "source": "/cloud"}]),
        "artifactId": st.sampled_from(["pkg:generic/one@1", "1.0"]),
        "pipelineRun": st.just({"id": "two"}),
        "testCaseRun": st.just({"id": "two"}),
        "outcome": st.sampled_from(["success", "failure", "cancel"]),
        "decision": st.sampled_from(["approved", "rejected"]),
        "responder": st.sampled_from(["ada", "ben"]),
        "description": st.sampled_from(["slow", "wrong"]),
    }
    return draw(st.fixed_dictionaries({}, optional=fields))


@st.composite
def stories(draw: st.DrawFn) -> list[Object]:
    """Some messages, each of its own id, several perhaps of one time, that name each other."""
    count = draw(st.integers(2, 6))
    numbers = st.integers(0, count)
    found: list[Object] = []
    for number in range(count):
        link = draw(st.none() | st.builds(path_from, numbers) | st.builds(trigger, numbers))
        data = CUSTOM if draw(st.booleans()) else None
        event = cdevent(
            draw(st.sampled_from(KINDS)),
            number,
            draw(st.sampled_from(SUBJECTS)),
            draw(contents()),
            links=[] if link is None else [link],
            customData=data,
        )
        context = event["context"]
        assert isinstance(context, dict)
        context["timestamp"] = f"2026-01-31T12:0{draw(st.integers(0, 2))}:00Z"
        found.append(event)
    return found


@settings(max_examples=60)
@given(story=stories(), data=st.data())
def test_any_order_gives_the_same_graph(story: list[Object], data: st.DataObject) -> None:
    other = data.draw(st.permutations(story))
    assert canonical_graph(told(*story)) == canonical_graph(told(*other))


@given(story=stories())
def test_what_comes_again_appends_nothing(story: list[Object]) -> None:
    assert told(*story).head() == told(*story, *reversed(story)).head()
