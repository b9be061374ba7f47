"""What the three image families share."""

from __future__ import annotations

from typing import Final

BUTTONS: Final = ("U1", "U2", "U3", "U4", "V1", "V2", "V3", "V4")
"""The buttons of a completed job, in the order of the wire (contract sections 5 and 6)."""


SCALES: Final = ("1:1", "4:3", "3:4", "16:9", "9:16", "3:2", "2:3")


ORIGINAL_SCALE: Final = "Original"


RESOLUTIONS: Final = ("1080p", "4k")


TEXT_MODEL: Final = "wavespeed-ai/flux-krea-dev-lora"


IMAGE_MODEL: Final = "wavespeed-ai/flux-kontext-dev"


MEITU_MODEL: Final = "meitu/yunxiu-pro/image-to-image"
