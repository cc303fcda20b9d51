"""From the command line of another load generator to our own options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from inferbench.cli.dropin import others, vllm
from inferbench.cli.dropin.flag import MANY, FlagKind, ForeignFlag
from inferbench.errors import UsageError
from inferbench.files.spelling import nearest

FLAGS: Mapping[str, ForeignFlag] = {
    flag.name: flag for flag in (*others.SGLANG, *others.AIPERF, *others.OLDER, *vllm.FLAGS)
}
"""All that is known, by name."""


class Given(NamedTuple):
    """A flag of a command line, and its words."""

    name: str
    words: tuple[str, ...]


class Translated(NamedTuple):
    """A command line in our own options."""

    arguments: list[str]
    notices: list[str]
    """What was left out, one sentence each."""
    typed: dict[str, str]
    """The flags that they were given by, under the options of ours that they became."""


def translate(arguments: Sequence[str], own: Mapping[str, int]) -> Translated:
    """Write a command line in our own options, of which `own` says how many words each takes.

    Names may be written with underscores, and `--name.key VALUE` is a key of a JSON object, as vLLM has it. Raises
    UsageError for a flag or value that is refused, with what to use instead, and for an unknown one.
    """
    given = list(_read(arguments, own))
    values = {name: words[-1] for name, words in given if words}
    dataset, ours, notices = values.get("--dataset-name", "random"), list[str](), list[str]()
    typed = dict[str, str]()
    _check_interval(values)
    sampling, keys = dict[str, Any](), dict[str, Any]()
    for name, words in given:
        flag = FLAGS.get(name)
        if flag is not None and _refuse(flag, words).only and dataset not in flag.only:
            notices.append(f"{name} says nothing about --dataset-name {dataset}, and is left out")
        elif name.startswith("--extra-body."):
            _put(keys, name.split(".")[1:], _value(words))
        elif flag is None or flag.kind is FlagKind.OWN:
            ours += _written(name, words)
            typed[name] = name
        elif flag.kind is FlagKind.SAME:
            *before, last = flag.to.split()
            typed[last] = name
            ours += [*before, *_written(last, [flag.means.get(word, word) for word in words])]
        elif flag.kind is FlagKind.BODY:
            sampling[flag.to] = _number(name, words)
    whole = _value([values.get("--extra-body", "{}")])
    if keys and isinstance(whole, dict):  # what is no object is refused with the other options
        ours += ["--extra-body", orjson.dumps({**whole, **keys}).decode()]
    if sampling:
        ours += ["--sampling", orjson.dumps(sampling).decode()]
    return Translated(ours, notices, typed)


def _read(arguments: Sequence[str], own: Mapping[str, int]) -> Iterator[Given]:
    """Tell flags from their words."""
    left = list(arguments)
    while left:
        word = left.pop(0)
        if not word.startswith("--"):
            yield Given(word, ())
            continue
        written, equals, value = word.partition("=")
        name = _dashed(written)
        takes = _takes(name, own)
        if equals:
            yield Given(name, (value,))
        elif takes != MANY:
            yield Given(name, tuple(left[:takes]))
            del left[:takes]
        else:
            count = next((k for k, following in enumerate(left) if following.startswith("--")), len(left))
            yield Given(name, tuple(left[:count]))
            del left[:count]


def _dashed(name: str) -> str:
    """Underscores are taken for dashes up to the first dot, as vLLM has it."""
    flag, dot, keys = name.partition(".")
    return flag.replace("_", "-") + dot + keys


def _takes(name: str, own: Mapping[str, int]) -> int:
    """How many words a flag takes. Raises UsageError for one that nobody knows."""
    if name in own:
        return own[name]
    if name.startswith("--extra-body."):
        return 1
    if name in FLAGS:
        return FLAGS[name].values
    taken = [flag.name for flag in FLAGS.values() if flag.kind is not FlagKind.REFUSED]
    guess = nearest(name, (*own, *taken))
    raise UsageError(f"unknown option {name}" + (f"; did you mean {guess}?" if guess else ""))


def _refuse(flag: ForeignFlag, words: Iterable[str]) -> ForeignFlag:
    """Raise UsageError where a flag or its value is refused."""
    if flag.kind is FlagKind.REFUSED:
        raise UsageError(f"{flag.name} is not taken here: {flag.says}")
    for word in words:
        if word in flag.refuses:
            raise UsageError(f"{flag.name} {word} is not taken here: {flag.refuses[word]}")
        if flag.means and word not in flag.means:
            raise UsageError(f"{flag.name} {word} is not taken here: {flag.says}")
    return flag


def _check_interval(values: Mapping[str, str]) -> None:
    """SGLang's load generator draws from another interval with the same flag."""
    backend, text = values.get("--backend", ""), values.get("--random-range-ratio")
    if text is None or not backend.startswith("sglang"):
        return
    try:
        ratio = float(text)
    except ValueError:
        ratio = 0.0
    mean, ours = (1 + ratio) / 2, (1 - ratio) / (1 + ratio)
    raise UsageError(
        f"--random-range-ratio {text} is not taken with --backend {backend}: SGLang means lengths from {text} L to L, "
        f"here they are L(1-r) to L(1+r). Name --base-url and --endpoint instead of --backend, and give lengths of "
        f"{mean:g} L with --random-range-ratio {ours:.4g}"
    )


def _written(name: str, words: Sequence[str]) -> list[str]:
    """An option of ours with its words: several are the option several times."""
    if name.startswith("--") and len(words) > 1:
        return [part for word in words for part in (name, word)]
    return [name, *words]


def _value(words: Sequence[str]) -> Any:
    """A JSON value, or else a text."""
    text = words[0] if words else ""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _number(name: str, words: Sequence[str]) -> int | float:
    value = _value(words)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{name} {' '.join(words)!r} is not a number")
    return value


def _put(body: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    """Put a value under a path of keys."""
    *path, last = keys
    for key in path:
        inner = body.setdefault(key, {})
        body = inner if isinstance(inner, dict) else {}
    body[last] = value
