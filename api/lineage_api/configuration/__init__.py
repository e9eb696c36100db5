"""How a struct of settings is read: from flags, the environment and a file, each value named."""
