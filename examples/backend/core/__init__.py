"""What every layer builds on: settings, database, errors, security, logs."""
