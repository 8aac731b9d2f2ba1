"""Tests of backend.services, on a real database."""
