"""Prompts of exactly n tokens, counted by tokenizers that are trained here."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from inferbench.errors import FileError, UsageError
from inferbench.workload.exact_length_prompts import ExactPrompts
from inferbench.workload.plan import PlannedRequest
from inferbench.workload.prompt_source import PromptSource
from inferbench.workload.tokenizer import ServerTokenizer
from inferbench.workload.vocabulary import TextWords

SOURCES = sorted((Path(__file__).parents[2] / "inferbench").rglob("*.py"))
LOCAL_TEXT = [path.read_text(encoding="utf-8") for path in SOURCES[:60]]


def byte_level() -> Tokenizer:
    """As GPT-2 and most models since: bytes, a space belongs to the word behind it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        LOCAL_TEXT, trainers.BpeTrainer(vocab_size=1500, special_tokens=["<s>", "</s>"], show_progress=False)
    )
    return tokenizer


def metaspace_with_bos() -> Tokenizer:
    """As Llama 2: a mark for each space, one at the beginning too, and a special token before every text."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator(
        LOCAL_TEXT, trainers.BpeTrainer(vocab_size=1500, special_tokens=["<unk>", "<s>"], show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


@pytest.fixture(scope="module", params=[byte_level, metaspace_with_bos], ids=["byte-level", "metaspace"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer")
    request.param().save(str(path / "tokenizer.json"))
    return path


def request_of(isl: int, seed: int = 7, prefix: tuple[tuple[int, int], ...] = ()) -> PlannedRequest:
    return PlannedRequest(0, isl, 1, seed, None, prefix)


@pytest.mark.parametrize("natural", [False, True])
def test_prompts_have_exactly_their_tokens(folder: Path, natural: bool) -> None:
    counted = Tokenizer.from_file(str(folder / "tokenizer.json"))
    maker = ExactPrompts("s", ServerTokenizer(folder), TextWords(LOCAL_TEXT[:20]) if natural else None)
    added = counted.num_special_tokens_to_add(is_pair=False)
    for isl in range(1 + added, 401):
        assert len(counted.encode(maker.make(request_of(isl, seed=isl))).ids) == isl
    assert maker.exact
    assert maker.natural is natural


def test_the_same_request_has_the_same_prompt_and_others_have_others(folder: Path) -> None:
    tokenizer = ServerTokenizer(folder)
    maker = ExactPrompts("s", tokenizer)
    prompts = [maker.make(request_of(50, seed=seed)) for seed in range(100)]
    assert len(set(prompts)) == 100
    assert ExactPrompts("s", tokenizer).make(request_of(50, seed=3)) == prompts[3]
    assert ExactPrompts("t", tokenizer).make(request_of(50, seed=3)) != prompts[3]
    assert len(tokenizer.words) > 50


@pytest.mark.parametrize("natural", [False, True])
def test_shared_prefixes_are_the_same_tokens(folder: Path, natural: bool) -> None:
    counted = Tokenizer.from_file(str(folder / "tokenizer.json"))
    maker = ExactPrompts("s", ServerTokenizer(folder), TextWords(LOCAL_TEXT[:20]) if natural else None)
    one, other, longer = (
        counted.encode(maker.make(request_of(isl, seed, ((5, shared),)))).ids
        for isl, seed, shared in ((150, 1, 100), (160, 2, 100), (200, 3, 200))
    )
    assert [len(one), len(other), len(longer)] == [150, 160, 200]
    slack = 2 if not natural else 16  # of natural text the last word may not fit
    assert one[: 100 - slack] == other[: 100 - slack] == longer[: 100 - slack]
    assert one[105:150] != other[105:150]


def test_a_prompt_that_cannot_be_is_refused(tmp_path: Path) -> None:
    metaspace_with_bos().save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(UsageError, match="no prompt of exactly 1 tokens"):
        ExactPrompts("s", ServerTokenizer(tmp_path)).make(request_of(1))  # the one that the tokenizer adds


def test_a_tokenizer_without_words_is_refused(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(UsageError, match="no word of letters"):
        _ = ServerTokenizer(tmp_path).words


@pytest.mark.parametrize(("content", "why"), [(None, "cannot be read"), (b"{}", "is no tokenizer.json")])
def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError, match=why):
        ServerTokenizer(path)


def test_special_tokens_and_the_size_of_the_vocabulary(folder: Path) -> None:
    tokenizer = ServerTokenizer(folder)
    counted = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.special_ids == frozenset(counted.get_added_tokens_decoder()) == {0, 1}
    assert tokenizer.vocab_size == counted.get_vocab_size(with_added_tokens=True)


def test_the_maker_that_a_load_gets(folder: Path, tmp_path: Path) -> None:
    chat = tmp_path / "chat.json"
    messages = [{"from": "human", "value": LOCAL_TEXT[0]}, {"from": "gpt", "value": LOCAL_TEXT[1]}]
    chat.write_text(json.dumps([{"conversations": messages}]))
    sources = {
        PromptSource(): ("WordPrompts", False, False),
        PromptSource(sharegpt=chat): ("WordPrompts", False, True),
        PromptSource(tokenizer=folder): ("ExactPrompts", True, False),
        PromptSource(tokenizer=folder, sharegpt=chat): ("ExactPrompts", True, True),
        PromptSource(tokenizer=folder, token_ids=True): ("TokenIdPrompts", True, False),
        PromptSource(token_ids=True, vocab_size=100): ("TokenIdPrompts", True, False),
    }
    for source, kind in sources.items():
        maker = pickle.loads(pickle.dumps(source)).maker("s")
        assert (type(maker).__name__, maker.exact, maker.natural) == kind
        assert source("s")(request_of(30)) == maker.make(request_of(30))
    ids = PromptSource(tokenizer=folder, token_ids=True).maker("s").make(request_of(300))
    assert not ServerTokenizer(folder).special_ids & set(ids)
    with pytest.raises(UsageError, match="vocab_size"):
        PromptSource(token_ids=True)
    with pytest.raises(UsageError, match="data set"):
        PromptSource(token_ids=True, sharegpt=chat, vocab_size=5)
