"""The form of a statement: what can be judged without knowing what the log already holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeVar

from msgspec.structs import replace

from lineage.rules.refs import REF_FIELDS
from lineage.rules.secrets import clean_identifier, filter_secrets, refuse_api_key
from lineage.rules.sources import check_expectation, check_scan
from lineage.rules.texts import UTF8_BYTES_MAX, check_bytes, check_name, check_text
from lineage.vertices import ID_MAX
from lineage_schemas.access import EVERY
from lineage_schemas.codec import encode_json
from lineage_schemas.errors import InvalidInputError, LedgerError, LimitExceededError
from lineage_schemas.governance import GOVERNANCE_TYPES
from lineage_schemas.identifiers import (
    is_content_digest,
    is_empty_content,
)
from lineage_schemas.instants import format_instant, instant_us
from lineage_schemas.known_types.registry import personal_properties
from lineage_schemas.known_types.system import SYSTEM_TYPES
from lineage_schemas.limits import (
    INT_MAX,
    INT_MIN,
    MESSAGE_FLAGS_MAX,
    METRIC_SERIES_POINTS_MAX,
    NAME_BYTES_MAX,
    PATH_STEPS_MAX,
)
from lineage_schemas.mlmd import (
    Artifact,
    ArtifactType,
    Association,
    Attribution,
    Context,
    ContextType,
    Event,
    Execution,
    ExecutionType,
    Kind,
    NodeRecord,
    ParentContext,
    Record,
    Ref,
    TypeRecord,
)
from lineage_schemas.records import (
    Actor,
    Claim,
    LinkClass,
    Message,
    MetricSeries,
    Mode,
    Retraction,
    StatedTime,
    Statement,
)
from lineage_schemas.sources import SourceExpectation, SourceScan
from lineage_schemas.values import PropertyType, value_type

_KINDS: Final[dict[type[NodeRecord], Kind]] = {
    Artifact: Kind.ARTIFACT,
    Execution: Kind.EXECUTION,
    Context: Kind.CONTEXT,
}

_NAME_SURELY_FITS: Final = NAME_BYTES_MAX // UTF8_BYTES_MAX

_NUMBERS: Final = frozenset({PropertyType.INT, PropertyType.DOUBLE})
_SYSTEM_TYPE_NAMES: Final = frozenset(known.name for known in SYSTEM_TYPES)

LEDGER_SOURCE: Final = "lineage"
"""The source of what the ledger itself says: the types and the actors of each namespace."""

LEDGER_NAMESPACE: Final = "lineage"
"""Where the ledger speaks of itself as a whole: its keys, its losses."""

_CONTENT_SCHEMES: Final = ("sha256:", "md5:")

_NormaliseRef = Callable[[Ref], Ref]
_NormalForms = Mapping[type[Record], Callable[..., Record]]
_R = TypeVar("_R", bound=Record)
_Joined = TypeVar("_Joined", Attribution, Association, ParentContext)
_Claimed = TypeVar("_Claimed", Claim, Retraction)


Keys = dict[Ref, str]
"""What keys are kept as, by how they were written: a batch names a node again and again.

A plain one: a dictionary of one's own kind finds what it holds in ten times the steps.
"""


def check_namespace(namespace: str) -> None:
    """Refuse a namespace without a name, with one that is too long or not plain text, or ours."""
    check_text("namespace", namespace, "NAMESPACE_BYTES_MAX")
    if namespace == EVERY:
        raise InvalidInputError(f"{EVERY!r} stands for every namespace, and is the name of none")
    if namespace == LEDGER_NAMESPACE:
        raise InvalidInputError(
            f"The namespace {LEDGER_NAMESPACE!r} is the ledger's own",
            hint="Name a namespace of yours.",
        )


def check_principal(name: str) -> None:
    """Refuse a principal without a name, or with one that is too long or not plain text."""
    check_text("principal's name", name, "NAME_BYTES_MAX")


def normalise_statement(statement: Statement, keys: Keys | None = None) -> Statement:
    """Return the statement in the form in which it is kept and compared.

    Identifiers are normalised, and what the well-known types call personal is marked as personal.
    ``keys`` are those that other statements of the batch have named; this one's come to them.

    Raises:
        InvalidInputError: a rule of form is broken; names the statement and the record.
    """
    try:
        check_text("statement id", statement.id, "STATEMENT_ID_BYTES_MAX")
        check_text("source", statement.source, "NAME_BYTES_MAX")
        if statement.source == LEDGER_SOURCE:
            raise InvalidInputError(
                f"The source {LEDGER_SOURCE!r} is the ledger's own", hint="Name a source of yours."
            )
        for text in (statement.id, statement.source):
            if "://" in text and filter_secrets(encode_json(text))[1]:
                raise InvalidInputError(
                    "A statement's id and source are kept for ever, and may hold no password"
                )
        if not statement.records:
            raise InvalidInputError("A statement without records says nothing")
        if statement.mapping is not None:
            check_name("mapping", statement.mapping)
        _check_stated(statement.stated)
        mode = _mode_of(statement)
        normal_forms = _OBSERVED if mode is Mode.OBSERVATION else _COMMANDED
        records = _normalised_records(statement, normal_forms, {} if keys is None else keys)
        return replace(statement, mode=mode, records=records)
    except LedgerError as error:
        raise error.at(f"statement {statement.id[:64]}") from error


def _check_stated(stated: StatedTime | None) -> None:
    """Refuse a time without a zone, and an interval that ends before it begins."""
    if stated is None:
        return
    start = None if stated.start is None else instant_us(stated.start)
    end = None if stated.end is None else instant_us(stated.end)
    if start is not None and end is not None and end < start:
        raise InvalidInputError(
            "A stated interval ends before it begins",
            where=f"from {format_instant(start)} to {format_instant(end)}",
        )


def kind_of(record: NodeRecord) -> Kind:
    """Return the kind of node that a record describes."""
    return _KINDS[type(record)]


def _mode_of(statement: Statement) -> Mode:
    if type(statement.mode) is Mode:
        return statement.mode
    try:
        return Mode(statement.mode)
    except ValueError as error:
        raise InvalidInputError(
            "A statement's mode is 'observation' or 'command'", where=str(statement.mode)[:64]
        ) from error


def _normalised_records(
    statement: Statement, normal_forms: _NormalForms, keys: Keys
) -> tuple[Record, ...]:
    normalised: list[Record] = []
    for record in statement.records:
        try:
            normalised.append(normal_forms[type(record)](record, keys))
        except LedgerError as error:
            raise error.at(f"record {len(normalised)}") from error
        except KeyError as error:
            what = f"A {type(record).__name__} is no record"
            raise InvalidInputError(what, where=f"record {len(normalised)}") from error
        except TypeError as error:
            # Whoever builds records in Python may put anything into a field.
            what = f"A {type(record).__name__} has a field of the wrong type: {error}"
            raise InvalidInputError(what, where=f"record {len(normalised)}") from error
    return tuple(normalised)


def _observed_type(record: TypeRecord, _: Keys) -> TypeRecord:
    raise InvalidInputError(
        "A type is put by a command, not observed",
        where=record.name,
        hint="Send the statement with mode 'command'.",
    )


def _commanded_node(record: NodeRecord, _: Keys) -> NodeRecord:
    """A command names nodes by id; ``#N`` and existing keys serve as references only."""
    if record.key is not None:
        raise InvalidInputError(
            "A command names a node by its id, or makes a new one without a key",
            where=record.key[:64],
        )
    if record.id is not None:
        _check_id(record.id)
    _check_node(record)
    return _mark_personal(record)


def _commanded_type(record: TypeRecord, _: Keys) -> TypeRecord:
    check_name("type name", record.name)
    for name in (record.version, record.external_id, record.description, *record.properties):
        if name is not None:
            check_bytes("text of a type", name, "NAME_BYTES_MAX")
    if record.base_type is not None and record.base_type not in _SYSTEM_TYPE_NAMES:
        raise InvalidInputError(
            "A base type is one of the nine system types",
            where=record.base_type[:64],
            hint="Such as mlmd.Dataset or mlmd.Train.",
        )
    return record


def _observed_node(record: NodeRecord, keys: Keys) -> NodeRecord:
    if record.key is None or record.id is not None:
        raise InvalidInputError(
            "An observation names a node by its key",
            where=f"id {record.id}" if record.id is not None else "",
            hint="Give the node a key such as 'uri:file:///data.csv', and no id.",
        )
    _check_node(record)
    if record.properties and record.type is None:
        raise InvalidInputError(
            "Declared properties need the type that declares them",
            where=record.key[:64],
            hint="Name the type, or use custom_properties.",
        )
    key = _key_of(record.key, keys)
    record = _mark_personal(record)
    return record if key == record.key else replace(record, key=key)


def _check_node(record: NodeRecord) -> None:
    if record.type_version is not None and record.type is None:
        raise InvalidInputError("A type's version needs its type", where=record.type_version[:64])
    if record.type is not None:
        refuse_api_key("type name", record.type)
    for name in (record.type, record.type_version, record.name, record.external_id):
        if name is not None and len(name) > _NAME_SURELY_FITS:
            check_bytes("name", name, "NAME_BYTES_MAX")
    uri = getattr(record, "uri", None)
    if uri is not None:
        check_bytes("uri", uri, "IDENTIFIER_BYTES_MAX")
    for properties in (record.properties, record.custom_properties):
        for name in properties:
            if not 0 < len(name) <= _NAME_SURELY_FITS:
                check_text("property name", name, "NAME_BYTES_MAX")


def _mark_personal(record: NodeRecord) -> NodeRecord:
    if record.type is None or not record.properties:
        return record
    known = personal_properties(kind_of(record), record.type)
    missing = known.intersection(record.properties).difference(record.personal)
    if not missing:
        return record
    return replace(record, personal=(*record.personal, *sorted(missing)))


def _observed_event(record: Event, keys: Keys) -> Event:
    if record.path or record.time is not None:
        _check_path(record)
    artifact, execution = _key_of(record.artifact, keys), _key_of(record.execution, keys)
    if artifact == record.artifact and execution == record.execution:
        return record
    return replace(record, artifact=artifact, execution=execution)


def _observed_attribution(record: Attribution, keys: Keys) -> Attribution:
    context, artifact = _key_of(record.context, keys), _key_of(record.artifact, keys)
    if context == record.context and artifact == record.artifact:
        return record
    return replace(record, context=context, artifact=artifact)


def _observed_association(record: Association, keys: Keys) -> Association:
    context, execution = _key_of(record.context, keys), _key_of(record.execution, keys)
    if context == record.context and execution == record.execution:
        return record
    return replace(record, context=context, execution=execution)


def _observed_parent(record: ParentContext, keys: Keys) -> ParentContext:
    return _with_refs(record, partial(_key_of, keys=keys))


def _commanded_join(record: _Joined, _: Keys) -> _Joined:
    return _with_refs(record, _command_ref)


def _commanded_event(record: Event, _: Keys) -> Event:
    _check_path(record)
    return _with_refs(record, _command_ref)


def _observed_series(record: MetricSeries, keys: Keys) -> MetricSeries:
    _check_series(record)
    return _with_refs(record, partial(_key_of, keys=keys))


def _commanded_series(record: MetricSeries, _: Keys) -> MetricSeries:
    _check_series(record)
    return _with_refs(record, _command_ref)


def _observed_claim(record: _Claimed, keys: Keys) -> _Claimed:
    return _with_refs(_checked_claim(record), partial(_key_of, keys=keys))


def _commanded_claim(record: _Claimed, _: Keys) -> _Claimed:
    return _with_refs(_checked_claim(record), _command_ref)


def _message(record: Message, _: Keys) -> Message:
    if len(record.flags) > MESSAGE_FLAGS_MAX:
        raise LimitExceededError(
            f"{len(record.flags)} flags of a message are over the limit of {MESSAGE_FLAGS_MAX} "
            "(MESSAGE_FLAGS_MAX)"
        )
    for flag in record.flags:
        check_name("flag", flag)
    return record


def _actor(record: Actor, _: Keys) -> Actor:
    raise InvalidInputError(
        "Actor records are the ledger's own",
        where=record.pseudonym[:64],
        hint="Who acts is taken from the caller.",
    )


def _observed_scan(record: SourceScan, _: Keys) -> SourceScan:
    check_scan(record)
    return record


def _observed_expectation(record: SourceExpectation, _: Keys) -> SourceExpectation:
    check_expectation(record)
    return record


def _commanded_source(record: Record, _: Keys) -> Record:
    raise InvalidInputError(
        f"A {type(record).__name__} is observed, not commanded",
        hint="Send the statement with mode 'observation'.",
    )


def _governance(record: Record, _: Keys) -> Record:
    raise InvalidInputError(
        f"{type(record).__name__} records are the ledger's own",
        hint="Erasures, holds, keys and recoveries have calls and commands of their own.",
    )


def _check_path(record: Event) -> None:
    if len(record.path) > PATH_STEPS_MAX:
        raise LimitExceededError(
            f"A path of {len(record.path)} steps is over the limit of {PATH_STEPS_MAX} "
            "(PATH_STEPS_MAX)"
        )
    for step in record.path:
        if isinstance(step, str):
            check_bytes("path step", step, "NAME_BYTES_MAX")
        else:
            _check_number("path step", step)
    if record.time is not None:
        instant_us(record.time)


def _check_series(record: MetricSeries) -> None:
    check_text("metric", record.metric, "NAME_BYTES_MAX")
    if len(record.points) > METRIC_SERIES_POINTS_MAX:
        raise LimitExceededError(
            f"A chunk of {len(record.points)} points is over the limit of "
            f"{METRIC_SERIES_POINTS_MAX} (METRIC_SERIES_POINTS_MAX)",
            where=record.metric,
            hint="Split the series into chunks, numbered from 0.",
        )
    if not 0 <= record.chunk <= INT_MAX:
        raise InvalidInputError("Chunks are numbered from 0", where=str(record.chunk)[:64])
    for step, value, time in record.points:
        _check_number("step", step)
        if value is None or value_type(value) not in _NUMBERS:
            raise InvalidInputError(
                "A point of a metric is a number",
                where=f"{record.metric} at step {step}",
                hint="Say NaN as {'$float': 'NaN'}, and leave out a point without a value.",
            )
        if time is not None:
            instant_us(time)


def _checked_claim(record: _Claimed) -> _Claimed:
    identifier = _normalised(record.identifier)
    if is_empty_content(identifier):
        raise InvalidInputError(
            "This is the digest of nothing, and empty things have nothing in common",
            where=identifier[:64],
        )
    if record.link_class == LinkClass.CONTENT and not is_content_digest(identifier):
        raise InvalidInputError(
            "A content claim needs a digest of the contents",
            where=identifier[:64],
            hint="Use sha256: or md5: with the digest, or another class.",
        )
    return replace(record, identifier=identifier)


def _with_refs(record: _R, normalise: _NormaliseRef) -> _R:
    """Normalise the references of a record to nodes."""
    changed: dict[str, Ref] = {}
    for field, _ in REF_FIELDS[type(record)]:
        ref = getattr(record, field)
        kept = normalise(ref)
        if kept != ref:
            changed[field] = kept
    return replace(record, **changed) if changed else record


def _key_of(ref: Ref, keys: Keys) -> str:
    """Return a node's key as it is kept; whoever is met for the first time is normalised."""
    known = keys.get(ref)
    if known is not None:
        return known
    if not isinstance(ref, str) or ref[:1] == "#":
        raise InvalidInputError(
            "An observation names a node by its key", where=str(ref)[:64], hint="Such as 'uri:...'."
        )
    keys[ref] = key = _as_key(clean_identifier(ref))
    return key


def _as_key(identifier: str) -> str:
    """Refuse the digest of contents: equal bytes are no identity."""
    if identifier.startswith(_CONTENT_SCHEMES):
        raise InvalidInputError(
            "The digest of contents is no key: two things may hold the same bytes",
            where=identifier[:64],
            hint="Name the thing by its place, such as uri:..., and claim the digest.",
        )
    return identifier


def _command_ref(ref: Ref) -> Ref:
    if isinstance(ref, str):
        return ref if ref[:1] == "#" else clean_identifier(ref)
    _check_id(ref)
    return ref


def _check_id(assigned: int) -> None:
    if not 1 <= assigned <= ID_MAX:
        raise InvalidInputError(f"Ids are numbers from 1 to {ID_MAX}", where=str(assigned)[:64])


def _check_number(what: str, number: int) -> None:
    if not INT_MIN <= number <= INT_MAX:
        raise InvalidInputError(f"A {what} is beyond 64 bits signed", where=str(number)[:64])


def _normalised(identifier: str) -> str:
    if not isinstance(identifier, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInputError(f"A key is text, not {type(identifier).__name__}")
    return clean_identifier(identifier)


_OBSERVED: Final[_NormalForms] = {
    Artifact: _observed_node,
    Execution: _observed_node,
    Context: _observed_node,
    Event: _observed_event,
    Attribution: _observed_attribution,
    Association: _observed_association,
    ParentContext: _observed_parent,
    Claim: _observed_claim,
    Retraction: _observed_claim,
    MetricSeries: _observed_series,
    ArtifactType: _observed_type,
    ExecutionType: _observed_type,
    ContextType: _observed_type,
    Message: _message,
    Actor: _actor,
    SourceScan: _observed_scan,
    SourceExpectation: _observed_expectation,
    **dict.fromkeys(GOVERNANCE_TYPES, _governance),
}
"""In an observation every node is named by its key."""

_COMMANDED: Final[_NormalForms] = {
    Artifact: _commanded_node,
    Execution: _commanded_node,
    Context: _commanded_node,
    Event: _commanded_event,
    Attribution: _commanded_join,
    Association: _commanded_join,
    ParentContext: _commanded_join,
    Claim: _commanded_claim,
    Retraction: _commanded_claim,
    MetricSeries: _commanded_series,
    ArtifactType: _commanded_type,
    ExecutionType: _commanded_type,
    ContextType: _commanded_type,
    Message: _message,
    Actor: _actor,
    SourceScan: _commanded_source,
    SourceExpectation: _commanded_source,
    **dict.fromkeys(GOVERNANCE_TYPES, _governance),
}
"""In a command a node goes by its id, by ``#N``, or by a key that is there already."""
