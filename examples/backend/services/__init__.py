"""What the application does, without HTTP. Services flush and never commit."""
