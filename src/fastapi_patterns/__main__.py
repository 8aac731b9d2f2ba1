"""Run the command line as ``python -m fastapi_patterns``."""

from fastapi_patterns.cli import main

if __name__ == "__main__":
    main()
