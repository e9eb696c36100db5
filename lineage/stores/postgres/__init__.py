"""The store for more than one machine: a schema of a PostgreSQL database."""
