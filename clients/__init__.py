"""The real clients, against the skill: apart from the product's own tests."""
