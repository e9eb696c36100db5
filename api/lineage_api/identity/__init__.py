"""Who is calling: bearer credentials, tokens of issuers, what each caller may use at a time."""
