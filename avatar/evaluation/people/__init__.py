"""How a talking person moves, real or drawn, as one tracker sees both."""
