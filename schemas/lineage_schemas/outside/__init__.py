"""Other people's wire formats, tolerant of fields we do not know; used by the connectors only."""
