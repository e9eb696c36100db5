"""The lineage graph: adjacency arrays, walks over them, and exports of bounded answers."""
