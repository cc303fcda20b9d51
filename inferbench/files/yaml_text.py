"""YAML text as plain data: strings, numbers, booleans, lists and mappings, and nothing that two readers read unlike.

Days stay text, so that a value can say which key holds one that is no day. What YAML 1.1 alone takes for a number
(octal 010, sexagesimal 1:30) stays text too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any, ClassVar

import yaml

DEEPEST = 50
"""Mappings and lists within each other."""
MOST_NODES = 1_000_000
"""Values in a file, those behind an alias counted at each place: a few lines of aliases can stand for billions."""
MOST_DIGITS = 40
"""Of a whole number, so that one that is too large can be printed with its key."""
INT = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)\Z")
FLOAT = re.compile(
    r"[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*\.[0-9_]*)(?:[eE][-+]?[0-9]+)?\Z"
    r"|[-+]?[1-9][0-9_]*[eE][-+]?[0-9]+\Z"
    r"|[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z"
)
_BIDI = {chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029)}
"""Marks that show text in another order than it is read in, and line ends that few tools know."""
BOOL = re.compile(r"(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)\Z")
_PREFIX = "tag:yaml.org,2002:"


def parse(text: str) -> Any:
    """Return the data of one YAML document. Raises yaml.YAMLError, in more than one line, for anything else."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _count(node, {}, set())
        return loader.construct_document(node)
    except RecursionError:
        raise yaml.YAMLError("nested too deeply") from None
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """Knows seven kinds of value. No dates, sets, bytes or objects: a file of ours has none."""

    yaml_constructors: ClassVar[dict[Any, Any]] = {}
    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012, as PyYAML declares it

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: ARG002
        """A key given twice is refused: the second would silently win."""
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{_PREFIX}merge":
                raise _refused(key_node, "merge keys (<<) are not read; write the keys out")
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise _refused(key_node, f"the key {key!r} is no text; put it in quotes")
            if key in found:
                raise _refused(key_node, f"the key {key!r} is given twice")
            found[key] = self.construct_object(value_node, deep=True)
        return found


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    text = unicodedata.normalize("NFC", str(loader.construct_scalar(node)))
    for char in text:
        if char in _BIDI or (unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"):
            raise _refused(node, f"the character U+{ord(char):04X} is not allowed in text")
    return text


def _int(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    if not INT.match(text) or len(text) > MOST_DIGITS:
        raise _refused(node, f"{text[:MOST_DIGITS]!r} is no whole number of at most {MOST_DIGITS} digits")
    return int(text.replace("_", ""))


def _float(loader: _Loader, node: yaml.ScalarNode) -> float:
    text = str(loader.construct_scalar(node))
    if not FLOAT.match(text) and not INT.match(text):
        raise _refused(node, f"{text[:MOST_DIGITS]!r} is no number")
    return float(re.sub(r"\.(?=inf|nan)", "", text.replace("_", "").lower()))


def _bool(loader: _Loader, node: yaml.ScalarNode) -> bool:
    text = str(loader.construct_scalar(node)).lower()
    if text not in loader.bool_values:
        raise _refused(node, f"{text[:MOST_DIGITS]!r} is no boolean")
    return loader.bool_values[text]


def _list(loader: _Loader, node: yaml.SequenceNode) -> list[Any]:
    return [loader.construct_object(child, deep=True) for child in node.value]


def _unknown(_: _Loader, node: yaml.Node) -> None:
    raise _refused(node, f"values tagged {node.tag!r} are not read")


def _refused(node: yaml.Node, why: str) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, why, node.start_mark)


def _count(node: yaml.Node, known: dict[int, int], inside: set[int]) -> int:
    """Values that a node stands for. Raises YAMLError for too many, too deep, and for a node within itself."""
    if id(node) in inside:
        raise _refused(node, "the alias stands within what it stands for")
    if len(inside) > DEEPEST:
        raise _refused(node, f"nested deeper than {DEEPEST} levels")
    if id(node) in known:
        return known[id(node)]
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        children = [child for pair in node.value for child in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    inside.add(id(node))
    total = 1
    for child in children:
        total += _count(child, known, inside)
        if total > MOST_NODES:
            raise _refused(node, f"more than {MOST_NODES:,} values")
    inside.remove(id(node))
    known[id(node)] = total
    return total


_CONSTRUCTORS: dict[str, Callable[[Any, Any], Any]] = {
    "null": yaml.SafeLoader.construct_yaml_null,
    "bool": _bool,
    "int": _int,
    "float": _float,
    "str": _text,
    "seq": _list,
    "map": _Loader.construct_mapping,
}
_RESOLVERS = (
    ("bool", BOOL, "yYnNtTfFoO"),
    ("int", INT, "-+0123456789"),
    ("float", FLOAT, "-+0123456789."),
    ("merge", re.compile(r"<<\Z"), "<"),
    ("null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ("~", "n", "N", "")),
)
"""How plain text is told, and the characters that it can begin with; of several the first that fits."""
_Loader.add_constructor(None, _unknown)
for _kind, _constructor in _CONSTRUCTORS.items():
    _Loader.add_constructor(f"{_PREFIX}{_kind}", _constructor)
for _kind, _pattern, _first in _RESOLVERS:
    _Loader.add_implicit_resolver(f"{_PREFIX}{_kind}", _pattern, list(_first))
