"""Reports: collected from a snapshot, judged by a pure function, written out as JSON or HTML."""
