"""Tests through HTTP, server-sent events and WebSocket."""
