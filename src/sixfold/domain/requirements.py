"""Layer 1's nouns: request, question, assumption, requirement, specification (paper, section 2.2, input phase)."""

from __future__ import annotations

from typing import Literal

from sixfold.domain.data import Data, Digest, Json


class Attachment(Data, frozen=True, kw_only=True):
    """One file that came with the request, already read. Its text is untrusted data, never instructions."""

    name: str
    """File name without folders."""
    media_type: str
    """`text/plain`, `text/markdown`, `image/png`, `image/jpeg`, `application/pdf`, DOCX's long name, …"""
    digest: Digest
    """Of the original bytes, which lie in the run's blob store."""
    text: str = ""
    """Extracted text, layout kept as far as the format allows; empty for images."""
    images: tuple[Digest, ...] = ()
    """Blobs (PNG or JPEG) a vision model can look at: the picture itself, or pictures found in a document."""
    image_types: tuple[str, ...] = ()
    """Media type of each of `images`, in the same order."""
    note: str = ""
    """What was lost in reading (pages cut, macros ignored), shown to the person and to the model."""


class Request(Data, frozen=True, kw_only=True):
    """What a person asked for, exactly as given."""

    text: str
    attachments: tuple[Attachment, ...] = ()
    earlier: tuple[str, ...] = ()
    """What the person decided in earlier runs on the same folder, one line each: it settles what it speaks of."""


class Option(Data, frozen=True, kw_only=True):
    """One possible answer to a question."""

    value: str
    """Short; what `sixfold answer RUN Q1 VALUE` takes."""
    consequence: str
    """What changes in the build when this is chosen."""


class Question(Data, frozen=True, kw_only=True):
    """One thing only the human can decide. Asked with options, consequences and a default."""

    id: str
    """`Q1`, `Q2`, …"""
    text: str
    why: str = ""
    """What goes wrong when we guess."""
    options: tuple[Option, ...] = ()
    default: str = ""
    """Used only under `--unanswered default`, `--default` or `-y`, and recorded as such."""
    status: Literal["open", "answered", "defaulted"] = "open"
    answer: str = ""
    """Free text is allowed; empty while open."""
    stake: float = 0.0
    """Expected rework of a wrong guess: chance that the default is wrong times what changing it costs (0 to 5)."""


class Assumption(Data, frozen=True, kw_only=True):
    """A decision nobody asked about: its default stands unless the human corrects it."""

    id: str
    """`A1`, `A2`, … most consequential first."""
    text: str
    """One line: the decision and the default taken."""
    requirements: tuple[str, ...] = ()
    """Requirement ids that rest on it."""
    status: Literal["assumed", "confirmed", "corrected"] = "assumed"
    correction: str = ""
    """What the human wants instead, in their words; it prevails over whatever of `text` it contradicts."""
    instead: str = ""
    """What the most likely other wish is, a few words; shown, never built."""
    stake: float = 0.0
    """As in `Question`."""


class Expect(Data, frozen=True, kw_only=True):
    """What an example step must give. Only the fields that are set are checked."""

    value: str | None = None
    """Python literal the call returns (`python` steps), compared by value."""
    raises: str | None = None
    """Exception class name the call raises (`python` steps)."""
    exit: int | None = None
    """Exit code (`cli` steps)."""
    stdout: str | None = None
    """Exact standard output, trailing white space ignored (`cli` steps)."""
    contains: tuple[str, ...] = ()
    """Texts that stand in the output or body, in any order (`cli` and `http` steps)."""
    status: int | None = None
    """HTTP status (`http` steps)."""
    json: Json = None
    """Subset of the JSON body: objects may have more keys, lists must match in length (`http` steps)."""


class Step(Data, frozen=True, kw_only=True):
    """One action through a public boundary. Exactly one of `call`, `argv`, `path` is set."""

    call: str = ""
    """Python expression over the product's importable names, e.g. `fizz.fizz(15)`."""
    argv: tuple[str, ...] = ()
    """Arguments after the entry's own command (`cli`)."""
    stdin: str = ""
    method: str = "GET"
    path: str = ""
    """Path and query of an HTTP request (`http`)."""
    body: Json = None
    """JSON body of an HTTP request, None for no body."""
    expect: Expect = Expect()


class Example(Data, frozen=True, kw_only=True):
    """An executable acceptance example: steps run in order against one freshly started product."""

    id: str
    """`R3.E1`."""
    title: str
    entry: str = ""
    """Name of the `Entry` it talks to; empty = the first."""
    steps: tuple[Step, ...]


class Requirement(Data, frozen=True, kw_only=True):
    """One thing the product must do, as a testable sentence (EARS style: WHEN …, THE SYSTEM SHALL …)."""

    id: str
    """`R1`, `R2`, …"""
    text: str
    origin: Literal["request", "answer", "assumption", "repository", "attachment"] = "request"
    examples: tuple[Example, ...] = ()


class Entry(Data, frozen=True, kw_only=True):
    """One public boundary of the product: how a person or program uses it."""

    name: str
    kind: Literal["library", "cli", "service"]
    module: str = ""
    """Importable module (`library`)."""
    start: tuple[str, ...] = ()
    """Command line, run in the product's folder. `{port}` is replaced by a free port, `{port:NAME}` by that of the
    service NAME, which is started first, `{data}` by a folder that survives restarts (`service`, `cli`). `python` means
    the toolchain's interpreter."""
    health: str = "/"
    """Path that answers with a status below 500 once the service is up."""


class Specification(Data, frozen=True, kw_only=True):
    """The consolidated statement of what to build: the only thing later phases read about intent."""

    title: str
    """Imperative, at most 72 characters: the subject of the branch."""
    summary: str = ""
    requirements: tuple[Requirement, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    questions: tuple[Question, ...] = ()
    entries: tuple[Entry, ...] = ()
    interface: str = ""
    """The exact public interface in Markdown: names, signatures, routes, formats, exit codes. What blind tests use."""
    size: Literal["small", "large"] = "small"
    """`small`: one direct task. `large`: more than one deliverable, worth a plan."""
    notes: tuple[str, ...] = ()
    """What was repaired or dropped in reading the analyst's answer, one line each; shown, never part of a prompt."""
