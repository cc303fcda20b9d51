"""How right the answers of a launch are: the score of an accuracy harness, kept under the launch's fingerprint."""

from __future__ import annotations

from pydantic import Field, NonNegativeInt, PositiveInt

from inferbench.files.number_limits import UnixTime
from inferbench.secrets.command_lines import Command
from inferbench.values import Value


class Evaluation(Value):
    """One accuracy run against one launch."""

    evaluation_id: str
    task: str
    """What was asked, as in gsm8k."""
    fingerprint: str
    """`Attachment.fingerprint` of the launch that answered."""
    engine: str | None
    engine_version: str | None
    model: str
    base_url: str
    harness: str
    """Whose questions, prompts and grading, with its version."""
    dataset: str
    """Where the questions came from: the file's name and the beginning of its SHA-256, or the harness's own."""
    questions: PositiveInt
    few_shot: NonNegativeInt
    scores: dict[str, float]
    """Share of right answers by each way that the harness has to read an answer."""
    stderr: dict[str, float]
    """Standard error of each, where there is one."""
    scored_by: str
    """The way that counts."""
    min_score: float = Field(ge=0, le=1)
    began_unix: UnixTime
    ended_unix: UnixTime
    command: Command = ()

    @property
    def score(self) -> float:
        """Share of right answers, read in the way that counts."""
        return self.scores[self.scored_by]

    @property
    def passed(self) -> bool:
        """Whether the launch answers right often enough."""
        return self.score >= self.min_score
