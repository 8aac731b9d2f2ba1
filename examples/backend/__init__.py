"""An API for AI-agent configurations: the example of fastapi-patterns."""
