"""Prompts: lengths, what they share and what they must not, and what must be said of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inferbench.errors import UsageError
from inferbench.scenario.scenario import Lengths
from inferbench.workload.plan import Plan
from inferbench.workload.planner import make_plan
from inferbench.workload.prompts import PromptMaker, WordPrompts, acceptance_caveat
from inferbench.workload.shared_prefixes import SharedPrefix, Turns
from inferbench.workload.token_id_prompts import TokenIdPrompts
from inferbench.workload.vocabulary import TextWords

TEXT = "it was the best of times it was the worst of times it was the age of wisdom " * 20


def plan(n: int = 60, **more: object) -> Plan:
    lengths = Lengths(nominal=40, min=20, max=40)
    return make_plan(n, isl=lengths, osl=lengths, seed=3, salt="c8", max_concurrency=8, **more)  # type: ignore[arg-type]


def words(salt: str) -> PromptMaker:
    return WordPrompts(salt)


def text_words(salt: str) -> PromptMaker:
    return WordPrompts(salt, TextWords([TEXT]))


def ids(salt: str) -> PromptMaker:
    return TokenIdPrompts(salt, 50_000, special_ids=range(1000))


def tokens(maker: PromptMaker, made: Plan) -> list[list[object]]:
    prompts = [maker.make(made.request(row)) for row in range(len(made))]
    return [list(prompt.split() if isinstance(prompt, str) else prompt) for prompt in prompts]


MAKERS = pytest.mark.parametrize("maker", [words, text_words, ids])


@MAKERS
def test_prompts_have_their_length_and_are_made_again_alike(maker: Callable[[str], PromptMaker]) -> None:
    made = plan()
    prompts = tokens(maker("c8"), made)
    assert [len(prompt) for prompt in prompts] == made.isl.tolist()
    assert tokens(maker("c8"), made) == prompts
    assert len({prompt[0] for prompt in prompts}) > 55  # token ids may begin alike by chance
    assert not {tuple(p[:5]) for p in prompts} & {tuple(p[:5]) for p in tokens(maker("c9"), made)}


@MAKERS
def test_a_group_shares_its_prefix_and_nothing_else(maker: Callable[[str], PromptMaker]) -> None:
    made = plan(shared=SharedPrefix(tokens=30, groups=4))
    bare = plan()
    assert made.isl.tolist() == (bare.isl + 30).tolist()
    prompts = tokens(maker("c8"), made)
    assert [len(prompt) for prompt in prompts] == made.isl.tolist()
    groups = {tuple(prompt[:30]) for prompt in prompts}
    assert len(groups) == 4
    assert len({tuple(prompt[30:35]) for prompt in prompts}) == 60
    assert made.prompt_hash != bare.prompt_hash


@MAKERS
def test_a_turn_goes_on_from_the_turn_before(maker: Callable[[str], PromptMaker]) -> None:
    made = plan(turns=Turns(3), shared=SharedPrefix(tokens=10, groups=2))
    prompts = tokens(maker("c8"), made)
    new = plan()  # the same draws without sessions
    for row in range(60):
        assert len(prompts[row]) == made.isl[row]
        if row % 3:
            # All that was said before, the answer included, and the new text.
            assert made.isl[row] == made.isl[row - 1] + new.osl[row - 1] + new.isl[row]
            assert prompts[row][: made.isl[row - 1]] == prompts[row - 1]
        else:
            assert made.isl[row] == 10 + new.isl[row]
    assert len({tuple(prompt[10:15]) for prompt in prompts}) == 20


def test_special_tokens_are_never_sent() -> None:
    prompts = tokens(TokenIdPrompts("s", 8, special_ids=[0, 2, 7, 99]), plan())
    assert {token for prompt in prompts for token in prompt} == {1, 3, 4, 5, 6}


def test_a_vocabulary_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="none that is not special"):
        TokenIdPrompts("s", 2, special_ids=[0, 1])
    with pytest.raises(UsageError, match="no text"):
        TextWords(["  "])


def test_text_is_cut_from_the_data_set_in_its_order() -> None:
    prompt = WordPrompts("s", TextWords([TEXT])).make(plan().request(0))
    assert " ".join(prompt.split()[1:]) in TEXT + TEXT


def test_a_name_tells_what_makes_prompts_equal() -> None:
    names = {
        WordPrompts("s").name, text_words("s").name, WordPrompts("s", TextWords(["other text"])).name,
        ids("s").name, TokenIdPrompts("s", 50_000).name,
    }  # fmt: skip
    assert len(names) == 5
    assert ids("s").name == ids("t").name  # the salt is a part of the hash by itself
    assert plan(prompts="a").prompt_hash != plan(prompts="b").prompt_hash


def test_noise_under_speculation_is_flagged() -> None:
    caveat = acceptance_caveat(words("s"), speculative=True)
    assert caveat is not None
    assert "--dataset-name sharegpt" in caveat
    assert acceptance_caveat(words("s"), speculative=False) is None
    assert acceptance_caveat(text_words("s"), speculative=True) is None


@pytest.mark.parametrize(
    "make", [lambda: SharedPrefix(0), lambda: SharedPrefix(1, 0), lambda: Turns(0), lambda: Turns(1, -1)]
)
def test_structures_of_nothing_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError, match="at least"):
        make()
