"""CI systems, each recognised by the variables it documents.

What is returned is named as the tags are, without ``lineage.`` before it. A run is named by host,
repository and id: what a system counts for one project only is told apart by the project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from lineage_mlflow_context.urls import path_of, place_of

Environment = Mapping[str, str]
Facts = dict[str, str]


def github(env: Environment) -> Facts:
    """Read GitHub Actions, and what speaks its language (Gitea and Forgejo)."""
    if env.get("GITHUB_ACTIONS") != "true":
        return {}
    server = env.get("GITHUB_SERVER_URL", "")
    repository, run = env.get("GITHUB_REPOSITORY", ""), env.get("GITHUB_RUN_ID", "")
    is_gitea = "GITEA_ACTIONS" in env or "FORGEJO_ACTIONS" in env
    # Gitea numbers the addresses of its runs for each repository, by another variable.
    number = env.get("GITHUB_RUN_NUMBER", "")
    return {
        "ci.provider": "gitea" if is_gitea else "github",
        "ci.host": place_of(server),
        "ci.repository": repository,
        "ci.run_id": run,
        "ci.run_attempt": env.get("GITHUB_RUN_ATTEMPT", ""),
        "ci.run_number": number,
        "ci.url": _joined(server, repository, "actions", "runs", number if is_gitea else run),
        "git.commit": env.get("GITHUB_SHA", ""),
    }


def gitlab(env: Environment) -> Facts:
    """Read GitLab CI/CD; the run is the pipeline."""
    if env.get("GITLAB_CI") != "true":
        return {}
    return {
        "ci.provider": "gitlab",
        "ci.host": place_of(env.get("CI_SERVER_URL", "")) or env.get("CI_SERVER_HOST", ""),
        "ci.repository": env.get("CI_PROJECT_PATH", ""),
        "ci.run_id": env.get("CI_PIPELINE_ID", ""),
        "ci.run_number": env.get("CI_PIPELINE_IID", ""),
        "ci.url": env.get("CI_PIPELINE_URL", ""),
        "git.commit": env.get("CI_COMMIT_SHA", ""),
    }


def jenkins(env: Environment) -> Facts:
    """Read Jenkins: builds are counted for each job, so the job stands where a repository does."""
    if "JENKINS_URL" not in env and not env.get("BUILD_TAG", "").startswith("jenkins-"):
        return {}
    url = env.get("BUILD_URL", "")
    return {
        "ci.provider": "jenkins",
        "ci.host": place_of(env.get("JENKINS_URL", "")) or place_of(url),
        "ci.repository": env.get("JOB_NAME", ""),
        "ci.run_id": env.get("BUILD_NUMBER", ""),
        "ci.run_number": env.get("BUILD_NUMBER", ""),
        "ci.url": url,
        "git.commit": env.get("GIT_COMMIT", ""),
    }


def azure(env: Environment) -> Facts:
    """Read Azure Pipelines: organisation and project stand where a repository does."""
    if env.get("TF_BUILD", "").lower() != "true":
        return {}
    collection = env.get("SYSTEM_COLLECTIONURI", "")
    project, build = env.get("SYSTEM_TEAMPROJECT", ""), env.get("BUILD_BUILDID", "")
    page = _joined(collection, project, "_build", "results")
    return {
        "ci.provider": "azure",
        "ci.host": place_of(collection),
        "ci.repository": "/".join(filter(None, (path_of(collection), project))),
        "ci.run_id": build,
        "ci.run_attempt": env.get("SYSTEM_JOBATTEMPT", ""),
        "ci.run_number": env.get("BUILD_BUILDNUMBER", ""),
        "ci.url": f"{page}?buildId={build}" if page and build else "",
        "git.commit": env.get("BUILD_SOURCEVERSION", ""),
    }


def circleci(env: Environment) -> Facts:
    """Read CircleCI; the run is the workflow, and the number that of the job."""
    if env.get("CIRCLECI") != "true":
        return {}
    owner, name = env.get("CIRCLE_PROJECT_USERNAME", ""), env.get("CIRCLE_PROJECT_REPONAME", "")
    return {
        "ci.provider": "circleci",
        "ci.host": place_of(env.get("CIRCLE_BUILD_URL", "")),
        "ci.repository": "/".join(filter(None, (owner, name))),
        "ci.run_id": env.get("CIRCLE_WORKFLOW_ID", ""),
        "ci.run_number": env.get("CIRCLE_BUILD_NUM", ""),
        "ci.url": env.get("CIRCLE_BUILD_URL", ""),
        "git.commit": env.get("CIRCLE_SHA1", ""),
    }


def buildkite(env: Environment) -> Facts:
    """Read Buildkite; its count of retries begins at 0, and an attempt at 1."""
    if env.get("BUILDKITE") != "true":
        return {}
    owner = env.get("BUILDKITE_ORGANIZATION_SLUG", "")
    name = env.get("BUILDKITE_PIPELINE_SLUG", "")
    retries = env.get("BUILDKITE_RETRY_COUNT", "")
    return {
        "ci.provider": "buildkite",
        "ci.host": place_of(env.get("BUILDKITE_BUILD_URL", "")),
        "ci.repository": "/".join(filter(None, (owner, name))),
        "ci.run_id": env.get("BUILDKITE_BUILD_ID", ""),
        "ci.run_attempt": str(int(retries) + 1) if retries.isdecimal() else "",
        "ci.run_number": env.get("BUILDKITE_BUILD_NUMBER", ""),
        "ci.url": env.get("BUILDKITE_BUILD_URL", ""),
        "git.commit": env.get("BUILDKITE_COMMIT", ""),
    }


def argo(env: Environment) -> Facts:
    """Read Argo Workflows, where it tells the container which workflow it belongs to."""
    uid, name = env.get("ARGO_WORKFLOW_UID", ""), env.get("ARGO_WORKFLOW_NAME", "")
    if not uid:
        return {}
    return {"ci.provider": "argo", "ci.run_id": uid, "ci.run_number": name}


PROVIDERS: Final[tuple[Callable[[Environment], Facts], ...]] = (
    github,
    gitlab,
    jenkins,
    azure,
    circleci,
    buildkite,
    argo,
)
"""In this order; the first that recognises its own variables is believed."""


def _joined(server: str, *parts: str) -> str:
    """Return an address below a server's; nothing where a part of it is missing."""
    return "/".join((server.rstrip("/"), *parts)) if server and all(parts) else ""
