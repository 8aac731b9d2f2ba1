"""Tests of backend.schemas."""
