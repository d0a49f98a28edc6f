"""The session as one self-contained page that opens offline (extra ``html``: jinja2 and plotly).

Nothing from outside becomes markup: the template escapes everything, charts get their numbers from one
block of JSON, and the page's own content security policy allows exactly the scripts and the style sheet
that are written here, by their hashes. The page is complete without script and without style; script
adds filters, copying, and charts that can be zoomed.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import importlib.util
import json
from typing import TYPE_CHECKING, Any

from pytest_repro.errors import UnavailableError
from pytest_repro.report.page.view import make_view

if TYPE_CHECKING:
    from pytest_repro.model import SessionReport

__all__ = ["inert_json", "render_html", "require"]


def render_html(report: SessionReport) -> str:
    """Render `report`; plotly's script is in the page only if there is a chart.

    Raises:
        UnavailableError: jinja2 or plotly is not installed.
    """
    template = _template()
    view = make_view(report)
    style = _resource("page.css")
    script = _resource("page.js")
    plotly = _plotly() if view["data"] else ""
    page: str = template.render(
        view=view,
        policy=_policy(style=style, scripts=[script, plotly] if plotly else [script]),
        style=_trusted(style),
        script=_trusted(script),
        plotly=_trusted(plotly),
        data=_trusted(inert_json(view["data"])),
        trusted=_trusted,
    )
    return page


def require() -> None:
    """See that the page can be made.

    Raises:
        UnavailableError: jinja2 or plotly is not installed.
    """
    for name in ("jinja2", "plotly"):
        if importlib.util.find_spec(name) is None:
            raise _missing(name)


def _policy(*, style: str, scripts: list[str]) -> str:
    # Plotly makes an empty style element and fills it through the CSSOM: the hash of nothing lets it.
    styles = " ".join(_hash(text) for text in (style, ""))
    return (
        f"default-src 'none'; script-src {' '.join(_hash(text) for text in scripts)}; "
        f"style-src {styles}; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def inert_json(data: Any) -> str:
    """Write JSON that no HTML parser takes for markup; its escapes mean the same to JSON."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _resource(name: str) -> str:
    folder = importlib.resources.files("pytest_repro.report.page")
    return _one_line_end(folder.joinpath(name).read_text(encoding="utf-8"))


def _one_line_end(text: str) -> str:
    # The parser turns CR LF into LF before it hashes; so do we.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _plotly() -> str:
    try:
        import plotly.offline
    except ImportError as error:
        raise _missing("plotly") from error
    script: str = plotly.offline.get_plotlyjs()
    return _one_line_end(script)


def _template() -> Any:
    try:
        import jinja2
    except ImportError as error:
        raise _missing("jinja2") from error
    # autoescape=True, not select_autoescape(): that one goes by the file's ending and misses ".j2".
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(_resource("page.html.j2"))


def _trusted(text: str) -> Any:
    """Mark as markup what this package wrote itself; never a text from outside."""
    import markupsafe

    return markupsafe.Markup(text)  # noqa: S704


def _missing(name: str) -> UnavailableError:
    return UnavailableError(f'the HTML report needs {name}, which is not installed: pip install "pytest-repro[html]"')
