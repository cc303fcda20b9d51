"""Any rule is found by the path of its file: questions in the field's words, answered by a search over path words."""

from __future__ import annotations

from rank import Question, questions, ranked, source_files, totals

ASKED = 30


def test_most_questions_find_their_file_by_path_words() -> None:
    first, few = totals(ranked(questions(), source_files()))
    assert first >= 22
    assert few >= 28


def test_every_answer_names_files_that_are_searched() -> None:
    asked = questions()
    assert len({question.text for question in asked}) == ASKED
    assert {path for question in asked for path in question.files} <= set(source_files())
    assert all(len(set(question.files)) == len(question.files) <= 3 for question in asked)


def test_a_file_counts_as_behind_those_that_score_the_same() -> None:
    paths = ["inferbench/a/clock.py", "inferbench/b/clock.py", "inferbench/b/other.py"]
    (result,) = ranked([Question("Which clock?", ("inferbench/a/clock.py",))], paths)
    assert result.rank == 2


def test_a_file_that_shares_no_word_with_the_question_comes_last() -> None:
    paths = ["inferbench/a/clock.py", "inferbench/store/disk.py", "inferbench/store/writer.py"]
    (result,) = ranked([Question("Who signals?", ("inferbench/a/clock.py",))], paths)
    assert result.rank == len(paths)
