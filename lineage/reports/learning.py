"""Tell apart what a model learned from, what it was tested on, and what is code.

A data set is tested on where the edge that takes it in says so, or its own role does. Files that
a tool of data tracks are code where their names say so. What has the same bytes as a data set and
is made by nothing is the same content in another place: no further thing to learn from.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from lineage.questions.merged import CODE_SUFFIXES, DATA_TYPES
from lineage.reports.gathered import Joint, Story, Thing, ThingId
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass

DATA: Final = DATA_TYPES
TESTING: Final = frozenset({"test", "testing", "eval", "evaluation", "validation", "holdout"})
"""Words by which tools say that data is to measure a model, and not to teach it."""


class Uses:
    """What the things upstream of a subject were to it."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._same = self._same_content()
        self.learned = self._behind([story.subject.id])
        self.tested = self._tested()

    def data(self, ids: Iterable[ThingId]) -> list[Thing]:
        """Return the data among these, but for code and for what only has the same bytes."""
        found = (self._story.thing(one) for one in sorted(ids))
        return [one for one in found if self.is_data(one) and one.id not in self._same]

    def code_files(self) -> list[Thing]:
        """Return the files of code upstream that are tracked as data."""
        return [one for one in self._story.origins(Kind.ARTIFACT) if is_code_file(one)]

    def is_data(self, thing: Thing) -> bool:
        """Tell whether a thing is a body of data."""
        return thing.type in DATA and not is_code_file(thing)

    def _behind(self, starts: Iterable[ThingId]) -> set[ThingId]:
        """Return what is upstream of these without passing an edge that takes data to test on."""
        story = self._story
        found, waiting = set(starts), list(starts)
        while waiting:
            one = waiting.pop()
            back = [joint.execution for joint in story.made(one)]
            back += [joint.artifact for joint in story.into(one) if not self._is_testing(joint)]
            for far in (*back, *story.linked(one)):
                if far in story.gathered.origins and far not in found:
                    found.add(far)
                    waiting.append(far)
        return found

    def _tested(self) -> set[ThingId]:
        """Return what the subject was tested on, and what that alone was made of."""
        story = self._story
        evaluated = {one.id for one in story.models()} | story.gathered.carriers
        begin = {
            joint.artifact
            for joint in story.gathered.joints
            if joint.is_input and joint.execution in self.learned and self._is_testing(joint)
        }
        begin |= {
            joint.artifact
            for one in story.of_type("Evaluate")
            if any(joint.artifact in evaluated for joint in story.into(one.id))
            for joint in story.into(one.id)
            if story.thing(joint.artifact).type in DATA
        }
        return begin | (self._behind(begin) & set(story.gathered.origins)) - self.learned

    def _is_testing(self, joint: Joint) -> bool:
        thing, execution = self._story.thing(joint.artifact), self._story.thing(joint.execution)
        words = {str(step).lower() for step in joint.path}
        words |= {str(thing.value(name)).lower() for name in ("role", "split_role")}
        is_tested = bool(words & TESTING) or execution.type == "lineage.Evaluate"
        return thing.type in DATA and is_tested

    def _same_content(self) -> set[ThingId]:
        """Return the data that is come to by its bytes alone, and that nothing made."""
        story = self._story
        entered = {joint.artifact for joint in story.gathered.joints if joint.is_input}
        return {
            end
            for link in story.gathered.crossed
            if link.link_class == LinkClass.CONTENT.value and link.near != link.far
            for end in (link.near, link.far)
            if end not in entered and not story.made(end) and story.thing(end).type in DATA
        }

    def same_as(self, thing: Thing) -> list[tuple[Thing, tuple[int, ...]]]:
        """Return what has the same bytes as a thing, each with the entries that say so."""
        story = self._story
        found: dict[ThingId, set[int]] = {}
        for far, link in story.links_of(thing.id):
            if link.link_class == LinkClass.CONTENT.value and far != thing.id:
                found.setdefault(far, set()).update(link.positions)
        return [(story.thing(one), tuple(sorted(found[one]))) for one in sorted(found)]


def is_code_file(thing: Thing) -> bool:
    """Tell whether a data set is a file of code: by what people call it, or by its key."""
    if thing.type != "lineage.DataSet":
        return False
    names = (thing.label, *(key.partition("@")[0] for key in thing.keys))
    return any(PurePosixPath(name).suffix.lower() in CODE_SUFFIXES for name in names)
