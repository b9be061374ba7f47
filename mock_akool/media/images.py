"""Draws the images that fake jobs make.

An image is a function of its `MediaSpec` record and of nothing else: no clock, no chance, no global
state. So two servers, two processes or two runs of a test give the same bytes (with one release of
Pillow; another release may encode the same pixels differently).

Pillow is imported by the first drawing, not by this module: a server that is only polled never pays
for it.
"""

from __future__ import annotations

import colorsys
import math
from functools import lru_cache
from hashlib import blake2b
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from mock_akool.core.media import PROMPT_CHARS, MediaSpec
from mock_akool.media.notes import note_of

if TYPE_CHECKING:
    from PIL import Image, ImageFont

__all__ = ["JPEG_QUALITY", "LONGEST_SIDE", "MIN_BYTES", "draw", "render"]

JPEG_QUALITY = 85
"""Pillow's scale, 1 to 95."""

LONGEST_SIDE = 65_500
"""Pixels: the most that a JPEG's encoder takes."""

MIN_BYTES = 1_000
"""Every file is larger than this: clients take a smaller one for an error page."""

_PNG_EFFORT = 1
"""zlib's scale, 0 to 9. The usual 6 makes files a quarter smaller and takes half as long again."""

_DESIGN_SIDE = 1024
"""The layout's lengths are pixels of an image whose short side is this; others are scaled."""

_MARGIN = 48
_PADDING = 36
_RULE = 5
_PANEL_DARKNESS = 0.7
"""How much of the background's light the panel takes, 0 to 1."""

_LEADING = 1.32
"""The distance from line to line, in font sizes."""

_PROMPT_LINES = 3
_PROMPT_SIZE, _DETAIL_SIZE, _BUTTON_SIZE = 36, 26, 44
_LEAST_FONT_SIZE = 11
"""Pixels: below this no letter is legible, so a small image shows fewer lines rather than smaller ones."""

_MESH = 3
"""The background is this many colours wide and high, before they are blended."""

_BLEND_SIDE = 256
"""The background is blended at about this size, then enlarged without blending. It is so smooth that
neighbouring blocks differ by a few levels of 255, and this takes an eighth of the time of blending every
pixel."""

_HUE_STEP = 0.07
"""How far the colours of one tile lie from the next one's, in turns of the colour wheel."""

_Colour = tuple[int, int, int]
_WHITE: _Colour = (255, 255, 255)


def render(spec: MediaSpec) -> bytes:
    """The file of an image: exactly `width` x `height` pixels, more than `MIN_BYTES` bytes.

    Equal specs give identical bytes. A JPEG's comment or a PNG's `Comment` text is its note, see `note_of`.

    Raises `ValueError` for a side outside 1 to `LONGEST_SIDE` pixels or a format other than `JPEG` and `PNG`.
    """
    if not (1 <= spec.width <= LONGEST_SIDE and 1 <= spec.height <= LONGEST_SIDE):
        raise ValueError(f"cannot draw {spec.width} x {spec.height} pixels: a side has 1 to {LONGEST_SIDE} of them")
    if spec.format not in ("JPEG", "PNG"):
        raise ValueError(f"cannot draw the format {spec.format!r}: only 'JPEG' and 'PNG'")
    canvas = draw(spec)
    note = note_of(spec).encode()
    file = _encoded(canvas, spec.format, note)
    if len(file) > MIN_BYTES:
        return file
    return _encoded(canvas, spec.format, note.ljust(MIN_BYTES))


def draw(spec: MediaSpec) -> Image.Image:
    """Return the drawing that a spec describes, `width` x `height` pixels, whatever its format."""
    return _sheet(spec) if len(spec.tiles) > 1 else _sketch(spec, spec.width, spec.height)


class _Theme(NamedTuple):
    """What tells one tile from another: `hue` in turns of the colour wheel, `grain` a byte per mesh value."""

    hue: float
    grain: bytes


class _Line(NamedTuple):
    """One line of the panel; `size` in pixels."""

    text: str
    size: int
    ink: _Colour


def _sheet(spec: MediaSpec) -> Image.Image:
    """All tiles of an image, each drawn into its own cell, in reading order."""
    from PIL import Image

    columns = math.ceil(math.sqrt(len(spec.tiles)))
    rows = math.ceil(len(spec.tiles) / columns)
    sheet = Image.new("RGB", (spec.width, spec.height))
    for place, tile in enumerate(spec.tiles):
        row, column = divmod(place, columns)
        left, right = (spec.width * edge // columns for edge in (column, column + 1))
        top, bottom = (spec.height * edge // rows for edge in (row, row + 1))
        if left < right and top < bottom:
            cell = _sketch(spec._replace(tiles=(tile,)), right - left, bottom - top)
            sheet.paste(cell, (left, top))
    return sheet


def _sketch(spec: MediaSpec, width: int, height: int) -> Image.Image:
    """An image of at most one tile, drawn at `width` x `height`; its words stay about the whole file."""
    theme = _theme(spec)
    whole_unit, unit = _unit(spec.width, spec.height), _unit(width, height)
    whole = _lines(spec, theme, spec.width, spec.height, spec.height // 2)
    # A cell's panel has the share that it has in the whole image, so it says less where letters would be
    # too small. Rounding may make its lines a few pixels higher than that: the padding gives way.
    panel_height = _panel_height(whole, whole_unit) * height // spec.height
    panel_top = height - panel_height
    lines = _lines(spec, theme, width, height, panel_height + round(_PADDING * unit / 2))
    canvas = _background(theme, width, height, panel_top)
    _write_panel(canvas, theme, lines, unit, panel_top)
    if spec.tiles:
        _write_number(canvas, theme, str(spec.tiles[0]), panel_top)
    if spec.operation:
        size = max(_LEAST_FONT_SIZE, round(_BUTTON_SIZE * whole_unit)) * height // spec.height
        _stamp(canvas, theme, _one_line(spec.operation), max(1, size), round(_MARGIN * unit))
    return canvas


def _unit(width: int, height: int) -> float:
    """Pixels of an image of this size per pixel of the design."""
    return min(width, height) / _DESIGN_SIDE


def _theme(spec: MediaSpec) -> _Theme:
    """A job's tiles share a base colour: each turns it by a step, and mixes it in its own way."""
    tile = spec.tiles[0] if spec.tiles else 0
    job = f"{spec.seed}/{spec.coloured_as or spec.job_id}".encode("utf-8", "backslashreplace")
    base = int.from_bytes(blake2b(job, digest_size=4).digest()) / 2**32
    grain = blake2b(b"%d/" % tile + job, digest_size=2 * _MESH * _MESH).digest()
    return _Theme((base + tile * _HUE_STEP) % 1, grain)


def _colour(hue: float, lightness: float, saturation: float) -> _Colour:
    red, green, blue = colorsys.hls_to_rgb(hue % 1, lightness, saturation)
    return round(255 * red), round(255 * green), round(255 * blue)


def _background(theme: _Theme, width: int, height: int, panel_top: int) -> Image.Image:
    """A smooth blend of the theme's colours, lighter at the top and dark below `panel_top`."""
    from PIL import Image

    mesh = Image.new("RGB", (_MESH, _MESH))
    for cell in range(_MESH * _MESH):
        row, column = divmod(cell, _MESH)
        turn, light = (byte / 255 - 0.5 for byte in theme.grain[2 * cell : 2 * cell + 2])
        lightness = 0.57 - 0.2 * row / (_MESH - 1) + 0.26 * light
        mesh.putpixel((column, row), _colour(theme.hue + 0.15 * turn, lightness, 0.66))
    block = max(1, min(width, height) // _BLEND_SIDE)
    blended = mesh.resize((math.ceil(width / block), math.ceil(height / block)), Image.Resampling.BICUBIC)
    # Darkened while it is small. The dark begins up to a block too low, where the panel's rule hides it.
    above = math.ceil(panel_top / block)
    below = blended.crop((0, above, blended.width, blended.height))
    blended.paste(Image.blend(below, Image.new("RGB", below.size), _PANEL_DARKNESS), (0, above))
    return blended.resize((width, height), Image.Resampling.NEAREST)


def _lines(spec: MediaSpec, theme: _Theme, width: int, height: int, panel_height: int) -> list[_Line]:
    """What the panel of a drawing of `width` x `height` says: lines that do not fit into it are left out."""
    unit = _unit(width, height)
    line_width = width - 2 * round(_MARGIN * unit)
    prompt_size, detail_size = (max(_LEAST_FONT_SIZE, round(size * unit)) for size in (_PROMPT_SIZE, _DETAIL_SIZE))
    tile = f"tile {spec.tiles[0]}" if spec.tiles else ""
    family = spec.family.replace("_", " ")
    facts = (family, spec.ratio, f"{spec.width} x {spec.height}", tile, spec.operation, "mock-akool")
    details = [
        _Line(text, detail_size, _colour(theme.hue, 0.8, 0.5))
        for fact in (f"job {spec.job_id}", " · ".join(filter(None, facts)))
        for text in _wrapped(_one_line(fact), detail_size, line_width, 1)
    ]
    while details and _panel_height(details, unit) > panel_height:
        details.pop()
    gap = _Line("", detail_size // 2, _WHITE)
    room = (panel_height - _panel_height([gap, *details], unit)) // _line_height(prompt_size)
    prompt = _wrapped(_one_line(spec.prompt), prompt_size, line_width, min(room, _PROMPT_LINES))
    if not prompt:
        return details
    return [*(_Line(text, prompt_size, _WHITE) for text in prompt), gap, *details]


def _line_height(size: int) -> int:
    return math.ceil(size * _LEADING)


def _panel_height(lines: list[_Line], unit: float) -> int:
    if not lines:
        return 0
    return sum(_line_height(line.size) for line in lines) + 2 * round(_PADDING * unit)


def _one_line(text: str) -> str:
    """The beginning of a text as printable characters with single spaces between the words."""
    start = text[:PROMPT_CHARS]
    words = "".join(char if char.isprintable() else " " for char in start).split()
    return " ".join(words) + ("…" if len(text) > len(start) else "")


def _wrapped(text: str, size: int, width: int, most: int) -> list[str]:
    """At most `most` lines no wider than `width` pixels, broken at spaces where there are any."""
    lines: list[str] = []
    while text and len(lines) < most:
        fitting = _fitting(text, size, width)
        if fitting == len(text):
            lines.append(text)
            break
        if len(lines) == most - 1:
            lines.append(text[: _fitting(text, size, width - _advance("…", size))].rstrip() + "…")
            break
        space = text.rfind(" ", 0, fitting + 1)
        end = space if space > 0 else max(fitting, 1)
        lines.append(text[:end])
        text = text[end:].lstrip()
    return lines


def _fitting(text: str, size: int, width: float) -> int:
    """How many of the text's first characters fit into `width` pixels."""
    for count, char in enumerate(text):
        width -= _advance(char, size)
        if width < 0:
            return count
    return len(text)


@lru_cache(maxsize=4096)
def _advance(char: str, size: int) -> float:
    """Pixels. Measuring whole lines would load each glyph again for every attempt."""
    return _font(size).getlength(char)


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size=size)


def _write_panel(canvas: Image.Image, theme: _Theme, lines: list[_Line], unit: float, top: int) -> None:
    """Draw the rule at `top` and the lines below it."""
    from PIL import ImageDraw

    pen = ImageDraw.Draw(canvas)
    pen.rectangle((0, top, canvas.width, top + round(_RULE * unit)), fill=_colour(theme.hue, 0.85, 0.9))
    top += round(_PADDING * unit)
    for line in lines:
        pen.text((round(_MARGIN * unit), top), line.text, fill=line.ink, font=_font(line.size))
        top += _line_height(line.size)


def _write_number(canvas: Image.Image, theme: _Theme, number: str, height: int) -> None:
    """The tile's number, as big as the space above the panel allows."""
    from PIL import ImageDraw

    size = int(min(height * 0.8, canvas.width / len(number)))
    if size >= _LEAST_FONT_SIZE:
        centre = (canvas.width / 2, height / 2)
        ink = _colour(theme.hue, 0.95, 1)
        ImageDraw.Draw(canvas).text(centre, number, fill=ink, font=_font(size), anchor="mm")


def _stamp(canvas: Image.Image, theme: _Theme, operation: str, size: int, margin: int) -> None:
    """The operation, on a tag in the upper right corner."""
    from PIL import ImageDraw

    for text in _wrapped(operation, size, canvas.width // 2, 1):
        right = canvas.width - margin
        left = right - _font(size).getlength(text) - 0.9 * size
        centre = ((left + right) / 2, margin + 0.85 * size)
        pen = ImageDraw.Draw(canvas)
        tag = (left, margin, right, margin + 1.7 * size)
        pen.rounded_rectangle(tag, size // 3, fill=_colour(theme.hue, 0.95, 1))
        pen.text(centre, text, fill=_colour(theme.hue, 0.25, 0.8), font=_font(size), anchor="mm")


def _encoded(canvas: Image.Image, file_format: str, note: bytes) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    file = BytesIO()
    if file_format == "JPEG":
        canvas.save(file, "JPEG", quality=JPEG_QUALITY, comment=note)
    else:
        texts = PngInfo()
        texts.add_text("Comment", note)
        canvas.save(file, "PNG", compress_level=_PNG_EFFORT, pnginfo=texts)
    return file.getvalue()
