"""Git: commits, annotated tags and files of a repository, read and never changed."""
