"""What Claude Code runs on a prompt, on a file, and when a context is compacted."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

if __name__ == "__main__":
    if sys.version_info < (3, 9):
        sys.exit(1)  # the next one that hooks.json names may be newer
    try:
        sys.path.insert(0, os.path.join(ROOT, "src"))
        from fastapi_patterns.activation import hook

        hook.main(ROOT)
    except BaseException:  # whatever happens, the user's turn goes on
        sys.exit(0)
