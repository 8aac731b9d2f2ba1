"""What the wheel carries beside the package: the skill's folder, as bundle makes it.

Made of the documents, not copied from examples/, where running the app leaves secrets
and databases behind.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SkillFolder(BuildHookInterface[Any]):
    """Puts the skill's folder where clients of installed packages look for one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the folder, unless the checkout itself is installed."""
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root, "src")))
        from fastapi_patterns import bundle, skill_folder

        contents = skill_folder.of_documents(bundle.read(Path(self.root)))
        self._scratch = tempfile.TemporaryDirectory()
        made = Path(self._scratch.name, skill_folder.NAME)
        skill_folder.write(contents, made)
        target = f"fastapi_patterns/{skill_folder.IN_WHEEL}"
        build_data["force_include"][str(made)] = target
