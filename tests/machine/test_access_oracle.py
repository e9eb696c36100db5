"""Who may do what, against a plain walk over the records that the log shows."""

from typing import Any, NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from access_table import APART, COLUMNS, LEDGER_WIDE, may
from checks import check_ledger
from doubles import NOON_US, FakeClock, SeededRandomness
from lineage.access.roles import Action
from lineage.ledger import Ledger, Principal, Role
from lineage.service import Ledger as Service
from lineage.stores.memory import MemoryStore
from lineage_schemas.errors import InvalidInputError, PreconditionError
from lineage_schemas.instants import instant_of, parse_instant

HOUR_US = 3_600_000_000
NAMES = ("ada", "bob", "group:g")
NAMESPACES = ("a", "b")
SOURCES = ("ci", "dvc")
ROLES = (*Role, Role.INGEST, Role.APPROVER)
"""Some more often: what matters happens where two meet."""

Step = tuple[Any, ...]


def scopes(names: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    """One, both, or all there will ever be."""
    return st.sampled_from([(names[0],), (names[1],), names, ("*",)])


def hours() -> st.SearchStrategy[int | None]:
    """When something expires, in hours from the start."""
    return st.sampled_from([None, None, 1, 2, 3, 4])


STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(
            st.just("grant"),
            st.sampled_from(NAMES),
            st.sampled_from(ROLES),
            scopes(NAMESPACES),
            scopes(SOURCES),
            hours(),
        ),
        st.tuples(st.just("revoke"), st.integers(0, 5)),
        st.tuples(
            st.just("key"),
            st.sampled_from(NAMES[:2]),
            st.sampled_from([(), (Role.INGEST,), (Role.READER, Role.APPROVER)]),
            st.one_of(st.just(()), scopes(NAMESPACES)),
            st.one_of(st.just(()), scopes(SOURCES)),
            hours(),
        ),
        st.tuples(st.just("revoke key"), st.integers(0, 2)),
        st.tuples(st.just("wait")),
    ),
    max_size=12,
)


class Made(NamedTuple):
    """A ledger, its clock, and the keys that were made in it."""

    ledger: Ledger
    clock: FakeClock
    keys: list[tuple[str, str]]


def make(steps: list[Step]) -> Made:
    """Play a history; what the rules refuse is left out of it."""
    clock = FakeClock(NOON_US, 0)
    made = Made(Service(MemoryStore("test/origin"), clock, SeededRandomness()), clock, [])
    for step in steps:
        try:
            play(made, step)
        except (InvalidInputError, PreconditionError):
            continue
    return made


def play(made: Made, step: Step) -> None:
    access = made.ledger.access
    match step:
        case ("grant", name, role, namespaces, sources, hour):
            given_sources = sources if role is Role.INGEST else ()
            access.grant(name, role, namespaces, sources=given_sources, expires=at(hour))
        case ("revoke", number) if number < len(access.grants()):
            access.revoke(access.grants()[number].position)
        case ("key", name, roles, namespaces, sources, hour):
            _, view = access.make_key(
                name, roles=roles, namespaces=namespaces, sources=sources, expires=at(hour)
            )
            made.keys.append((name, view.key))
        case ("revoke key", number) if number < len(made.keys):
            access.revoke_api_key(made.keys[number][1])
        case ("wait",):
            made.clock.now_us += HOUR_US
        case _:
            pass


def at(hour: int | None) -> Any:  # noqa: ANN401 - what the calls take
    return None if hour is None else instant_of(NOON_US + hour * HOUR_US)


class Oracle:
    """Walks the records of a log and believes nothing but them."""

    def __init__(self, ledger: Ledger, size: int, now_us: int | None = None) -> None:
        self.names: dict[str, str] = {}
        self.grants: dict[int, dict[str, Any]] = {}
        self.keys: dict[str, dict[str, Any]] = {}
        self.is_set_up = False
        self.now_us = now_us or 0
        for entry in ledger.entries(count=1_000, namespace="lineage").entries:
            if entry.position >= size:
                break
            if now_us is None:
                self.now_us = parse_instant(entry.recorded_at)
            for record in entry.records or ():
                assert isinstance(record, dict)
                self.take(entry.position, dict(record))

    def take(self, position: int, record: dict[str, Any]) -> None:
        match record["record"]:
            case "actor":
                self.names[record["pseudonym"]] = record["name"]
            case "grant":
                self.grants[position] = record
                self.is_set_up = True
            case "api_key_issue":
                self.keys[record["key"]] = record
                self.is_set_up = True
            case "grant_revocation":
                self.grants.pop(record["position"], None)
            case "api_key_revocation":
                self.keys.pop(record["key"], None)
            case _:
                pass

    def allows(self, who: Principal, action: str, namespace: str, source: str) -> bool:
        if not self.is_set_up:
            return False
        if who.key:
            key = self.keys.get(who.key)
            if key is None or self.is_over(key) or self.names[key["principal"]] != who.name:
                return False
        else:
            key = {}
        if action == "verify":
            return True
        if action in LEDGER_WIDE:
            namespace = "*"
        names = {who.name, *(f"group:{group}" for group in who.groups)}
        own = [
            grant
            for grant in self.grants.values()
            if self.names[grant["grantee"]] in names and not self.is_over(grant)
        ]
        return any(
            may(grant["role"], action)
            and reaches(grant["namespaces"], namespace)
            and (grant["role"] != "ingest" or reaches(grant["sources"], source))
            and (not key.get("roles") or grant["role"] in key["roles"])
            and (not key.get("namespaces") or reaches(key["namespaces"], namespace))
            and (
                grant["role"] != "ingest"
                or not key.get("sources")
                or reaches(key["sources"], source)
            )
            and not any(
                {grant["role"], other["role"]} in APART
                and (namespace == "*" or reaches(other["namespaces"], namespace))
                for other in own
            )
            for grant in own
        )

    def is_over(self, record: dict[str, Any]) -> bool:
        return bool(record.get("expires_us", self.now_us + 1) <= self.now_us)


def reaches(names: list[str], name: str) -> bool:
    return "*" in names or name in names


def principals(made: Made) -> list[Principal]:
    """Return everybody there is, alone, as a member, and through every key."""
    group = frozenset({"g"})
    people = [Principal("ada"), Principal("bob"), Principal("eve")]
    people += [Principal("ada", groups=group), Principal("eve", groups=group)]
    # A name that goes with another's key is nobody's.
    return people + [Principal(name, key=key) for _, key in made.keys for name in NAMES[:2]]


APART_BY_GROUP: list[Step] = [
    ("grant", "ada", Role.INGEST, ("a",), ("*",), None),
    ("grant", "group:g", Role.APPROVER, ("*",), ("*",), None),
    ("grant", "ada", Role.OPERATOR, ("*",), ("*",), None),
    ("grant", "group:g", Role.KEY_CUSTODIAN, ("*",), ("*",), None),
]
NARROWED: list[Step] = [
    ("grant", "ada", Role.INGEST, ("*",), ("*",), 2),
    ("grant", "ada", Role.AUDITOR, ("a",), ("*",), None),
    ("key", "ada", (), (), ("dvc",), None),
    ("key", "ada", (Role.INGEST,), ("b",), (), 1),
    ("key", "ada", (Role.READER, Role.APPROVER), (), (), None),
    ("grant", "bob", Role.READER, ("*",), ("*",), None),
    ("wait",),
    ("wait",),
]


@given(STEPS)
@example(APART_BY_GROUP)
@example(NARROWED)
@example(NARROWED[:-2])
def test_what_is_allowed_is_what_the_records_say(steps: list[Step]) -> None:
    made = make(steps)
    ledger = made.ledger
    oracle = Oracle(ledger, ledger.head().size, made.clock.now_us)
    for who in principals(made):
        for action in COLUMNS:
            for namespace in (*NAMESPACES, "*"):
                allowed = ledger.access.allowed(who, Action(action), namespace, "ci")
                assert allowed is oracle.allows(who, action, namespace, "ci")
    check_ledger(ledger)


@given(STEPS)
@example(APART_BY_GROUP)
@example(NARROWED)
@example(NARROWED[:-2])
def test_what_was_allowed_then_is_what_the_records_said_then(steps: list[Step]) -> None:
    made = make(steps)
    ledger = made.ledger
    actions = ("ingest", "approve", "read", "operate", "verify")
    # A size inside a batch rounds down, so only whole batches are asked for.
    starts = {one.batch_start for one in ledger.entries(count=1_000, namespace="lineage").entries}
    for size in sorted({*starts, ledger.head().size}):
        oracle = Oracle(ledger, size)
        for who in principals(made):
            for action in actions:
                for namespace in NAMESPACES:
                    was = ledger.access.allowed(who, Action(action), namespace, "ci", as_of=size)
                    assert was is oracle.allows(who, action, namespace, "ci"), (who, action, size)
