"""Where this process asks others over the network, within bounds of time, size and patience."""
