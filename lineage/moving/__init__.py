"""Moving a ledger: backups, restoring them, and the whole log as one open file, out and in.

Nothing here decides what the log says. A copy is either a file that is put back beside its sidecar
(``backing_up``, ``restoring``), or an export that anybody can check (``lines``, ``checking``), of
which an import makes a ledger again (``writing_out``, ``reading_in``).
"""
