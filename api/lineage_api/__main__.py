"""``python -m lineage_api`` is ``lineage``."""

from __future__ import annotations

from lineage_api.cli.main import main

if __name__ == "__main__":
    main()
