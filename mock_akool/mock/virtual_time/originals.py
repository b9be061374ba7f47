"""What the patches of virtual time replaced: by module and name, such as `("time", "sleep")`.

An entry stays when the patches are taken back, for whoever holds on to a replacement.
"""

from __future__ import annotations

from typing import Any, Final

originals: Final[dict[tuple[str, str], Any]] = {}
