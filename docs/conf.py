"""The site of the documentation: `make docs`. Sphinx reads docs/*.md, and the docstrings of the public names."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import inferbench
from inferbench.distribution import own_version

project = "inferbench"
version = release = own_version()
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = f"inferbench {version}"
html_show_copyright = False
html_theme_options = {"source_edit_link": None, "top_of_page_buttons": []}
html_css_files = ["site.css"]
html_static_path = ["static"]
myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]
default_role = "code"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
autodoc_member_order = "bysource"
add_module_names = False
python_maximum_signature_line_length = 88
maximum_signature_line_length = 88


class PublicNames(SphinxDirective):
    """`{public-names}`: every name of `inferbench.__all__`, from its docstring; methods and attributes too."""

    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """Hand each name to autodoc."""
        lines = ["````{eval-rst}"]
        for name in inferbench.__all__:
            what = getattr(inferbench, name)
            if isinstance(what, type):
                lines += [f".. autoclass:: inferbench.{name}", "   :members:", "   :undoc-members:", ""]
            elif callable(what):
                lines += [f".. autofunction:: inferbench.{name}", ""]
            else:
                lines += [
                    f".. py:data:: inferbench.{name}",
                    "   :type: str",
                    "",
                    "   The version that is installed.",
                    "",
                ]
        holder = nodes.container()
        self.state.nested_parse(StringList([*lines, "````"], source="inferbench.__all__"), self.content_offset, holder)
        return holder.children


def plain(_app: Sphinx, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Docstrings are plain text with `code` in backticks: what reStructuredText would take for its own is escaped."""
    for place, line in enumerate(lines):
        parts = re.split(r"(`[^`]*`)", line)
        lines[place] = "".join(p if p.startswith("`") else re.sub(r"([*|\\]|_(?!\w))", r"\\\1", p) for p in parts)


def inside(_app: Sphinx, _name: str, content: list[str]) -> None:
    """A link to a file outside docs/ is one in the repository; the site, which does not hold it, shows its path."""
    found = r"\[([^\]]+)\]\((\.\./[^)]+)\)"
    content[0] = re.sub(found, lambda link: _path(link[1].strip("`"), link[2].removeprefix("../")), content[0])


def _path(text: str, path: str) -> str:
    return f"`{path}`" if text in path else f"{text} (`{path}`)"


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.add_directive("public-names", PublicNames)
    app.connect("source-read", inside)
    app.connect("autodoc-process-docstring", plain)
