"""HTTP: dependencies, routers, and what turns services into answers."""
