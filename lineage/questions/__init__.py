"""Questions: what can be asked of the views and the graph, each answered from one snapshot."""
