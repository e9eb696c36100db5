"""The surface: HTTP, GraphQL and the terminal, on top of the engine."""
