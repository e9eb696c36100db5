"""What the delivery pipeline says in CDEvents: what is built, deployed, watched and put back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from recordings.whole_story import moments
from recordings.whole_story.images import LABEL, Image
from recordings.whole_story.moments import MODEL, PRODUCTION

SOURCE: Final = "https://delivery.example.org/risk"
WATCH: Final = "https://watch.example.org/risk"
INCIDENT: Final = "incident-311"

Event = dict[str, Any]


def event_id(name: str) -> str:
    """Return the id of an event: the same each time the story is recorded."""
    return str(uuid5(NAMESPACE_URL, f"{SOURCE}/{name}"))


def cdevents(images: dict[int, Image], commits: dict[int, str]) -> list[Event]:
    """Return every event, in the order of their times."""
    told = [
        _event("environment.created", moments.BEGUN, PRODUCTION, name=PRODUCTION, url=_SHOP),
        *_builds(images, commits),
        *_servings(images),
        *_trouble(images),
    ]
    return sorted(told, key=lambda one: str(one["context"]["timestamp"]))


_SHOP: Final = "https://shop.example.org"
_ENVIRONMENT: Final = {"id": PRODUCTION, "source": SOURCE}


def _event(
    kind: str,
    at: str,
    subject: str,
    *,
    source: str = SOURCE,
    custom: dict[str, Any] | None = None,
    links: list[Any] | None = None,
    **content: object,
) -> Event:
    context: dict[str, Any] = {
        "specversion": "0.5.0",
        "id": event_id(f"{kind}/{at}/{subject}"),
        "source": source,
        "type": f"dev.cdevents.{kind}.{_VERSIONS[kind]}",
        "timestamp": at,
    }
    if links is not None:
        context |= {"chainId": event_id("chain"), "links": links}
    event: Event = {
        "context": context,
        "subject": {"id": subject, "source": SOURCE, "content": content},
    }
    if custom is not None:
        event |= {"customData": custom, "customDataContentType": "application/json"}
    return event


_VERSIONS: Final = {
    "artifact.deleted": "0.1.0",
    "artifact.published": "0.3.0",
    "environment.created": "0.3.0",
    "incident.detected": "0.3.0",
    "incident.resolved": "0.3.0",
    "service.deployed": "0.3.0",
    "service.published": "0.3.0",
    "service.removed": "0.3.0",
    "service.rolledback": "0.3.0",
    "service.upgraded": "0.3.0",
    "testsuiterun.finished": "0.3.0",
}


def _builds(images: dict[int, Image], commits: dict[int, str]) -> Iterator[Event]:
    for release in moments.RELEASES:
        image = images[release.number]
        custom = {LABEL: image.labels[LABEL], "commit": commits[release.number]}
        built = release.built.replace(":00:00Z", ":12:00Z")
        yield _event("artifact.published", built, image.purl, custom=custom)
        tested = release.built.replace(":00:00Z", ":25:00Z")
        suite = {"id": f"smoke-{release.semantic}", "name": "smoke tests of the image"}
        yield _event(
            "testsuiterun.finished",
            tested,
            f"smoke-{release.semantic}",
            testSuite=suite,
            environment={"id": "staging", "source": SOURCE},
            outcome="success",
        )


def _served(kind: str, at: str, image: Image, **custom: object) -> Event:
    return _event(
        kind,
        at,
        MODEL,
        custom={"version": image.tag, **custom},
        environment=_ENVIRONMENT,
        artifactId=image.purl,
    )


def _servings(images: dict[int, Image]) -> Iterator[Event]:
    first, second, third = (images[number] for number in (1, 2, 3))
    at = moments.FIRST_SERVED
    yield _served("service.deployed", at, first, revision="r1", role="champion", traffic_ratio=1)
    at = moments.CHALLENGED
    yield _served(
        "service.deployed", at, second, revision="c1", role="challenger", traffic_ratio=0.1
    )
    less = {"revision": "r1", "role": "champion", "traffic_ratio": 0.9}
    yield _event("service.published", at, MODEL, custom=less, environment=_ENVIRONMENT)
    at = moments.CROWNED
    yield _served("service.upgraded", at, second, revision="r2", role="champion", traffic_ratio=1)
    gone = {"revision": "c1"}
    yield _event("service.removed", at, MODEL, custom=gone, environment=_ENVIRONMENT)
    at = moments.SUCCEEDED
    yield _served("service.upgraded", at, third, revision="r4", role="champion", traffic_ratio=1)


def _trouble(images: dict[int, Image]) -> Iterator[Event]:
    first, second = images[1], images[2]
    service = {"id": MODEL, "source": SOURCE}
    detected = _event(
        "incident.detected",
        moments.ALARMED,
        INCIDENT,
        source=WATCH,
        custom={"metric": "share of payments refused", "threshold": 0.02, "value": 0.061},
        description="Three times as many payments are refused as on any day before",
        environment=_ENVIRONMENT,
        service=service,
        artifactId=second.purl,
    )
    yield detected
    cause = {"contextId": detected["context"]["id"]}
    yield _event(
        "service.rolledback",
        moments.ROLLED_BACK,
        MODEL,
        custom={"version": first.tag, "revision": "r3", "role": "champion", "traffic_ratio": 1},
        links=[{"linkType": "RELATION", "linkKind": "TRIGGER", "target": cause}],
        environment=_ENVIRONMENT,
        artifactId=first.purl,
    )
    yield _event(
        "incident.resolved",
        moments.CALMED,
        INCIDENT,
        source=WATCH,
        description="Version 1.0.0 serves again; refusals are back to 0.019",
        environment=_ENVIRONMENT,
        service=service,
    )
    yield _event("artifact.deleted", moments.RETIRED, second.purl)
