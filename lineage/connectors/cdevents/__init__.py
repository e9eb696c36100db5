"""CDEvents: what tools of integration, delivery and operations say in one vocabulary."""
