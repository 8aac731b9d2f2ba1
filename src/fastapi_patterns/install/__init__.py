"""Bring the skill to where clients read it, and take it away again."""
