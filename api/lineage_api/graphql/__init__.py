"""GraphQL: the main door for questions."""
