"""What things of GitHub are called here.

    ci:run/HOST/OWNER/NAME/ID/ATTEMPT         one attempt of a run, and the context of its jobs
    ci:job/HOST/OWNER/NAME/ID                 a job
    git:commit/SHA                            a commit
    git:repository/REPOSITORY                 a repository: HOST/OWNER/NAME, percent-encoded
    github:KIND/HOST/...                      anything else, by GitHub's own numbers

Runs and repositories are called by name, since that is how others name them: a job knows itself by
the variables of its runner, a clone by its address, a person by what they read. Everything that
GitHub alone names goes by number, and so does the place of deployments, which must stay the same
when the repository is renamed. A run claims its number besides, so that one during which its
repository was renamed is found to be one.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from msgspec import Struct

from lineage.connectors.dvc.naming import project_key
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.identifiers import normalise_identifier
from lineage_schemas.outside.github import Repository

DEFAULT_TASK: Final = "deploy"


class Place(Struct, frozen=True):
    """Where a repository's deployments of one task go: the key of it and of its environment."""

    key: str
    environment: str


class Naming(Struct, frozen=True):
    """Keys of what a host has, and a repository there, if the message names one."""

    host: str
    named: Repository | None

    @property
    def repository(self) -> Repository:
        """The repository.

        Raises:
            InvalidInputError: the message names none.
        """
        if self.named is None:
            raise InvalidInputError("The message names no repository", where="$.repository")
        return self.named

    @property
    def address(self) -> str:
        """The repository's address, as its clones have it."""
        return f"{self.host}/{self.repository.full_name}"

    @property
    def project(self) -> str:
        """The key of the repository as a context."""
        return project_key(self.address)

    def run(self, run_id: int, attempt: int | None) -> str:
        """Return the key of one attempt of a run, as an execution and as a context."""
        return normalise_identifier(f"ci:run/{self.address}/{run_id}/{attempt or 1}")

    def run_number(self, run_id: int, attempt: int | None) -> str:
        """Return what a run goes by whatever its repository is called."""
        return self.own("run", run_id, attempt or 1)

    def job(self, job_id: int) -> str:
        """Return the key of a job."""
        return normalise_identifier(f"ci:job/{self.address}/{job_id}")

    def place(self, environment: str, task: str | None) -> Place:
        """Return where deployments go. GitHub knows no capitals in the names of environments."""
        name = environment.lower()
        number = self.repository.id
        return Place(
            self.own("place", number, name, task or DEFAULT_TASK),
            self.own("environment", number, name),
        )

    def own(self, kind: str, *names: str | int) -> str:
        """Return the key of something that only GitHub names."""
        plain = "/".join(quote(str(name), safe="") for name in (self.host, *names))
        return normalise_identifier(f"github:{kind}/{plain}")
