"""Documents in, a real app out, every block proven by running it."""
