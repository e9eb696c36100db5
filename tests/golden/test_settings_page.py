"""docs/settings.md is made from what each setting says of itself."""

from pathlib import Path

from goldens import Golden
from lineage_api.configuration.marks import types_of
from lineage_api.configuration.page import meaning_of, nested_kinds, settings_rows
from lineage_api.settings import PREFIX, Settings

OPENING = """# The settings

A server reads its settings once, when it starts.
A flag (`--port 9`) comes before the environment (`LINEAGE_PORT=9`), then a file, then the default.
`lineage config` prints what is in force, and where each came from; secrets are not shown.
A setting that nobody knows is refused, wherever it stands, and so is a value that cannot be.

The file is TOML; `--config FILE` names it, or `LINEAGE_CONFIG`:

```toml
store = "/var/lib/lineage/ledger.db"
port = 8470

[anchor]                      # the beginning of a name: anchor_directory, ...
directory = "/mnt/archive"
webhook_file = "/run/secrets/webhook"
```

What is secret may lie in a file of its own: then `_file` stands after its name.
In the environment a list of names is divided by commas, and a list of tables is JSON.
Every path is read from the folder that the command runs in.
Every command on a ledger reads both, for `store`, `key` and `sidecar`; the rest is the server's.

This page is written by `make golden`.

"""


def page() -> str:
    """Return the page: a table of the settings, and one for each kind of table inside."""
    parts = [OPENING, "\n".join(settings_rows(Settings, PREFIX)), "\n"]
    for name, kind in nested_kinds(Settings):
        parts.append(f"\n## Each table of {name}\n\n")
        parts.append("\n".join(settings_rows(kind, "")) + "\n")
    return "".join(parts)


def test_the_page_is_what_the_settings_say(golden: Golden, project: Path) -> None:
    golden.text(project / "docs" / "settings.md", page())


def test_every_setting_says_what_it_means() -> None:
    assert [name for name in types_of(Settings) if not meaning_of(Settings, name)] == []
