"""The well-known types: what each tool's things are called here, one file a group."""
