"""What MkDocs does beside its own: links that leave docs/, and pages that stand in the root of the repository.

Pages link to files as they lie in the repository, so that the links work on GitHub and in an editor. On the
site, a file outside of docs/ is a link to the repository.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
#: pages of the site that are files of the root
FROM_ROOT = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)(#[^)\s]*)?(?=\))")


def on_config(config: Any) -> Any:
    """Let a page that nobody has placed stand at the end, under "More", rather than nowhere."""
    placed = set(_placed(config.nav))
    docs = Path(config.docs_dir)
    pages = sorted(page.relative_to(docs).as_posix() for page in docs.rglob("*.md"))
    left = [page for page in pages if page not in placed]
    if left:
        config.nav.append({"More": left})
    return config


def _placed(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
        return
    for entry in nav.values() if isinstance(nav, dict) else nav:
        yield from _placed(entry)


def on_files(files: Files, config: Any) -> Files:
    """Add the pages of the root, their links as if they stood in docs/."""
    for page, source in FROM_ROOT.items():
        text = _LINK.sub(lambda match: f"../{match[0]}", (ROOT / source).read_text(encoding="utf-8"))
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Let links to files outside of docs/ lead into the repository.

    Raises:
        PluginError: there is no such file.
    """
    folder = Path("docs", page.file.src_uri).parent

    def linked(match: re.Match[str]) -> str:
        target = os.path.normpath(folder / match[1]).replace(os.sep, "/")
        shown = target.removeprefix("docs/")
        if target.startswith("docs/") and files.get_file_from_path(shown) is not None:
            # also right for a page that was written for another folder
            return os.path.relpath(target, folder).replace(os.sep, "/") + (match[2] or "")
        own = {source: page for page, source in FROM_ROOT.items()}.get(target)
        if own is not None:
            return os.path.relpath(f"docs/{own}", folder).replace(os.sep, "/") + (match[2] or "")
        if not (ROOT / target).exists():
            msg = f"{page.file.src_uri}: there is no {target}"
            raise PluginError(msg)
        return f"{config.repo_url.rstrip('/')}/blob/main/{target}{match[2] or ''}"

    return _LINK.sub(linked, markdown)
