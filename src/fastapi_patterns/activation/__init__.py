"""When the skill is for what an agent works on, and how the agent is told."""
