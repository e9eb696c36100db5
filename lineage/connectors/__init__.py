"""Connectors: how other tools' words become statements. ``base`` is the contract they all keep."""
