"""What stands around the log so that it can be held to what it once said.

The sidecar beside the store, the file of the signing key, and the places outside to which
checkpoints are handed. Nothing here reads the store.
"""
