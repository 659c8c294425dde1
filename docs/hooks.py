"""What MkDocs does with links, so that one text serves the repository and the site.

On the web of the repository a page links to `../CONTRIBUTING.md` and the front page is README.md;
the site has its pages side by side. So pages from outside of `docs/` are brought in under a name
of their own, and links are turned accordingly. A link to a file that the site does not show (a
module, the licence) becomes plain text. A link to nothing stays as it is, and `--strict` fails.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "benchmarks/README.md": "benchmarks.md",
    "benchmarks/LOG.md": "benchmarks_log.md",
    "spheroid_qc/segmentation/learned/MODEL_CARD.md": "model_card.md",
}
"""File of the repository -> page of the site."""

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]*)(#[^)\s]*)?\)")
_FENCE = re.compile(r"(^```.*?^```)", flags=re.DOTALL | re.MULTILINE)


def on_files(files: Files, config: Any) -> Files:
    """Bring in the pages that stand outside of `docs/`."""
    for source, page in OUTSIDE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn the links of a page, code aside."""
    source = {name: file for file, name in OUTSIDE.items()}.get(page.file.src_uri)
    folder = PurePosixPath(source or f"docs/{page.file.src_uri}").parent
    parts = _FENCE.split(markdown)
    parts[::2] = [_LINK.sub(lambda link: turned(link, folder), part) for part in parts[::2]]
    return "".join(parts)


def turned(link: re.Match[str], folder: PurePosixPath) -> str:
    """Turn one link of a page that lies in a folder of the repository."""
    mark, text, target, anchor = link[1], link[2], link[3], link[4] or ""
    if not target or "://" in target or target.startswith("mailto:"):
        return link[0]
    place = os.path.normpath(folder / target).replace(os.sep, "/")
    if place in OUTSIDE:
        return f"{mark}[{text}]({OUTSIDE[place]}{anchor})"
    if place.startswith("docs/"):
        return f"{mark}[{text}]({place.removeprefix('docs/')}{anchor})"
    return text if (ROOT / place).exists() else link[0]
