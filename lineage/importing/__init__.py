"""Take in what a source shows: one look at a time, each thing once, nothing twice."""
