"""Tests, side by side with what they test."""
