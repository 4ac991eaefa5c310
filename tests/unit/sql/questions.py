"""Questions to Spark's parser and its answers, kept as text files in `questions/`.

An entry is a statement or expression and the tree Spark makes of it::

    ? a + b * c
    = (a + (b * c))
    ? a b c
    ! PARSE_SYNTAX_ERROR
    ? select 1 limit 2
    = GlobalLimit 2
    = ...
    ~ Limit limit 2
    ~ ...

`~` lines are ours where the form differs on purpose (reviewed: the meaning is the same, or `~ !` a clear refusal).
`python -m tests.unit.sql.questions` inside the oracle's environment asks Spark again and rewrites `=` and `!` lines.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "questions"


@dataclass
class Question:
    """One text, Spark's answer, and ours where it differs."""

    text: str
    answer: list[str] = field(default_factory=list)
    ours: list[str] = field(default_factory=list)

    @property
    def expected(self) -> str:
        """What our parser's tree is to look like, or `! ERROR_CLASS`."""
        return "\n".join(self.ours or self.answer)


def read(name: str) -> list[Question]:
    """The questions of one file."""
    found: list[Question] = []
    for line in (FOLDER / f"{name}.txt").read_text().split("\n"):
        mark, text = line[:1], line[2:]
        if mark == "?":
            found.append(Question(text.replace("\\n", "\n")))
        elif mark == "=":
            found[-1].answer.append(text)
        elif mark == "!":
            found[-1].answer.append(line)
        elif mark == "~":
            found[-1].ours.append(text)
    return found


def write(name: str, questions: list[Question]) -> None:
    """Writes a file anew."""
    lines = []
    for question in questions:
        lines.append("? " + question.text.replace("\n", "\\n"))
        lines += [line if line.startswith("! ") else f"= {line}" for line in question.answer]
        if question.ours != question.answer:
            lines += [f"~ {line}" for line in question.ours]
    (FOLDER / f"{name}.txt").write_text("\n".join(lines) + "\n")


def normalised(answer: str) -> str:
    """A tree without ids, marks of what is unresolved, and the wrappers whose only use is naming."""
    answer = re.sub(r"#\d+(?: \[\])?", "", answer)
    answer = answer.replace("'", "").replace("lambda ", "").replace("\x00", "\\0")
    answer = re.sub(r"UnresolvedTVFAliases \[\w+\], ", "UnresolvedSubqueryColumnAliases ", answer)
    return re.sub(r" +$", "", answer.rstrip(), flags=re.MULTILINE)


def _ask(parser: Any, name: str, text: str) -> Iterator[str]:
    from py4j.protocol import Py4JJavaError  # type: ignore[import-not-found]
    from pyspark.errors import PySparkException

    try:
        tree = parser.parsePlan(text) if name == "statements" else parser.parseExpression(text)
        yield from normalised(tree.toString()).split("\n")
    except PySparkException as error:
        yield f"! {error.getCondition() or 'unnamed'}"
    except Py4JJavaError as error:
        cause = error.java_exception
        yield f"! {cause.getCondition() if hasattr(cause, 'getCondition') else 'unnamed'}"


def main() -> None:
    """Asks the Spark of this environment every question."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[1]").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    parser = spark._jsparkSession.sessionState().sqlParser()
    for path in sorted(FOLDER.glob("*.txt")):
        questions = read(path.stem)
        for question in questions:
            question.answer = list(_ask(parser, path.stem, question.text))
        write(path.stem, questions)
    spark.stop()


if __name__ == "__main__":
    main()
