"""Rows: tables of tools without a connector, understood by a mapping file."""
