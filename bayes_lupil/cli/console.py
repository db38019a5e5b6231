"""The terminal: whatever is printed on it is only text, and nothing of it is hidden."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from bayes_lupil.characters import visible

__all__ = ["Terminal", "err", "out"]


class Terminal(Console):
    r"""A console on which names from files are names: no markup, no emojis' codes, no escape sequences.

    Colour and emphasis come from the `style` of what is printed.

    Examples
    --------
    >>> import io
    >>> out = Terminal(file=io.StringIO())
    >>> out.print("site [red]A[/red]\u202e\x1b[2J")
    >>> out.file.getvalue()
    'site [red]A[/red][U+202E][U+001B][2J\n'
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, "highlight": False, **options})

    def render_str(self, text: str, **options: Any) -> Text:
        """Text as rich knows it; cells of tables pass through here too, before they are measured."""
        return super().render_str(visible(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Every piece of text on its way to the stream, whatever it was made from."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


out, err = Terminal(), Terminal(stderr=True)
