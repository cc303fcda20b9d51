"""How well the paths of files say what is in them: questions of a newcomer, answered by a search over path words.

BM25 as the library has it, over the words of each path alone, with its own stop words and an ordinary English stemmer:
no synonyms, no weights. `python tests/lookup/rank.py` prints where the file that answers each question stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import bm25s
import yaml
from Stemmer import Stemmer

ROOT = Path(__file__).parents[2]
QUESTIONS = Path(__file__).with_name("questions.yaml")
SEARCHED = ("inferbench", "dashboard")
NOT_SEARCHED = ("__init__.py", "__main__.py")
"""Their names say nothing of what they hold."""
FIRST_FEW = 3


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the files that answer it, each as well as the others."""

    text: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Where the first file that answers a question stands among all files, from 1, and which files stand first."""

    question: Question
    rank: int
    first: tuple[str, ...]


def questions() -> list[Question]:
    """Read the questions, in the order of the file."""
    entries = yaml.safe_load(QUESTIONS.read_text(encoding="utf-8"))
    return [Question(entry["question"], (entry["file"], *entry.get("also", ()))) for entry in entries]


def source_files() -> list[str]:
    """List the files that are searched, as paths from the root of the repository."""
    found = (path for folder in SEARCHED for path in (ROOT / folder).rglob("*.py") if path.name not in NOT_SEARCHED)
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def path_words(path: str) -> str:
    """Take a path apart; the package's own folder is on nearly all of them and left out."""
    return re.sub(r"[/_.]", " ", path.removesuffix(".py").removeprefix("inferbench/"))


def ranked(asked: Sequence[Question], paths: Sequence[str]) -> list[Ranked]:
    """Rank all paths for each question. Among files with the same score, those that answer it come last."""
    index = bm25s.BM25()
    index.index(_tokens([path_words(path) for path in paths]), show_progress=False)
    return [
        _ranked(question, dict(zip(paths, index.get_scores(words).tolist(), strict=True)))
        for question, words in zip(asked, _tokens([question.text for question in asked]), strict=True)
    ]


def _tokens(texts: Sequence[str]) -> list[list[str]]:
    tokens: list[list[str]] = bm25s.tokenize(
        list(texts), stopwords="en", stemmer=Stemmer("english"), return_ids=False, show_progress=False
    )
    return tokens


def _ranked(question: Question, scores: dict[str, float]) -> Ranked:
    order = sorted(scores, key=lambda path: (-scores[path], path in question.files, path))
    rank = 1 + next(place for place, path in enumerate(order) if path in question.files)
    return Ranked(question, rank, tuple(order[:FIRST_FEW]))


def totals(results: Sequence[Ranked]) -> tuple[int, int]:
    """Count the questions whose file stands first, and those whose file is among the first few."""
    return sum(result.rank == 1 for result in results), sum(result.rank <= FIRST_FEW for result in results)


def main() -> None:
    """Print every question with the rank of its file and the first files, then the totals."""
    results = ranked(questions(), source_files())
    for result in results:
        print(f"{result.rank:4}  {result.question.text}  [{result.question.files[0]}]")
        print(f"      {', '.join(result.first)}")
    first, few = totals(results)
    print(f"first: {first} of {len(results)}, first three: {few} of {len(results)}")


if __name__ == "__main__":
    main()
