"""The HTTP interface, route by route; OpenAPI describes it."""
