"""Container images by their references and package URLs; the purl cases follow its type ``oci``."""

from __future__ import annotations

import pytest

from lineage_schemas.image_names import image_of_purl, image_of_reference

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        (f"nginx:1.2@{DIGEST}", f"oci:docker.io/library/nginx@{DIGEST}"),
        (f"acme/model@{DIGEST}", f"oci:docker.io/acme/model@{DIGEST}"),
        (f"docker-pullable://ghcr.io/acme/model@{DIGEST}", f"oci:ghcr.io/acme/model@{DIGEST}"),
        (
            f"localhost:5000/model:v1@{DIGEST.upper().replace('SHA', 'sha')}",
            f"oci:localhost:5000/model@{DIGEST}",
        ),
    ],
)
def test_references_are_read_as_container_tools_read_them(text: str, identifier: str) -> None:
    image = image_of_reference(text)
    assert image is not None
    assert (image.identifier, image.digest) == (identifier, DIGEST)


@pytest.mark.parametrize("text", ["nginx:1.2", "nginx", "", f"@{DIGEST}", "nginx@sha256:12"])
def test_what_has_no_digest_names_no_image(text: str) -> None:
    assert image_of_reference(text) is None


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        (f"pkg:oci/model@{DIGEST.replace(':', '%3A')}", f"pkg:oci/model@{DIGEST}"),
        (
            f"pkg:oci/model@{DIGEST}?repository_url=ghcr.io/acme/model&tag=v1",
            f"oci:ghcr.io/acme/model@{DIGEST}",
        ),
        (f"pkg:oci/model@{DIGEST}?repository_url=ghcr.io/acme", f"oci:ghcr.io/acme/model@{DIGEST}"),
    ],
)
def test_package_urls_name_the_image_that_references_name(text: str, identifier: str) -> None:
    image = image_of_purl(text)
    assert image is not None
    assert image.identifier == identifier


@pytest.mark.parametrize("text", ["pkg:oci/model@1.0", "pkg:pypi/model@1.0", "model", ""])
def test_what_is_no_package_url_of_a_digest_names_no_image(text: str) -> None:
    assert image_of_purl(text) is None
