"""The cassette: a folder of recorded answers, one JSON file each, named by what was asked.

    cassette.json    schema version, which model plays which role, how the answers were made
    <key>.json       request, reply, usage, times; the key is the SHA-256 of the canonical request

A reply is on disk here before anything else sees it, so no answer is ever paid for twice. Keys hold no times, paths
or run ids: a cassette replays on another machine, in any order, with any number of workers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from sixfold.domain.data import Data, Digest, Json, canonical, digest, to_json
from sixfold.domain.errors import ReplayDrift, StorageError
from sixfold.domain.model import ModelReply, ModelRequest, Usage
from sixfold.layers.models.adapter import Adapter, Charges
from sixfold.layers.models.atomic import write_atomically
from sixfold.layers.models.difference import readable

SCHEMA_VERSION = 1
KEY_SCHEME = 1
"""Raised when the meaning of keys changes; older cassettes then say so instead of missing."""

_META = "cassette.json"


class Entry(Data, frozen=True, kw_only=True):
    """One recorded answer."""

    schema_version: int = SCHEMA_VERSION
    key: Digest
    model: str
    request: ModelRequest
    text: str
    finish: Literal["stop", "length", "refused"] = "stop"
    usage: Usage
    asked_at: str = ""
    answered_at: str = ""
    wall_s: float = 0.0
    note: str = ""
    """How it was answered, when that needs saying."""
    checksum: str = ""
    """SHA-256 of the canonical JSON of all other fields: a changed answer is found, not believed."""

    def reply(self) -> ModelReply:
        """The recorded answer as a reply that costs nothing now."""
        return ModelReply(
            text=self.text, model=self.model, usage=self.usage, finish=self.finish, request=self.key, replayed=True
        )


def seal(entry: Entry) -> Entry:
    """The entry with its checksum computed from all other fields."""
    return msgspec.structs.replace(entry, checksum=_checksum(to_json(entry)))


class Meta(Data, frozen=True, kw_only=True):
    """What a cassette says about itself."""

    schema_version: int = SCHEMA_VERSION
    key_scheme: int = KEY_SCHEME
    roles: dict[str, str] = msgspec.field(default_factory=dict)
    """Model by role; `*` is the default."""
    answered_by: str = ""


def key_of(model: str, request: ModelRequest) -> Digest:
    """The name of a question: everything that can change the answer, nothing that cannot.

    Purpose and role are left out: they say who asks, and the model never sees them.
    """
    asked = [field for field in request.__struct_fields__ if field not in ("purpose", "role")]
    content = {field: getattr(request, field) for field in asked}
    return digest(canonical({"key_scheme": KEY_SCHEME, "model": model, **content}))


class Cassette:
    """Reads and writes one cassette folder.

    Args:
        folder: made when the first answer is recorded.
        copies: further folders that receive every entry (`--record`).
    """

    def __init__(self, folder: Path, copies: Sequence[Path] = ()) -> None:
        self.folder = folder
        self._copies = tuple(copies)
        self._meta: Meta | None = None

    def describe(self, roles: Mapping[str, str], answered_by: str = "") -> None:
        """Note which model plays which role; what was noted before about other roles stays."""
        for folder in (self.folder, *self._copies):
            known = _read_meta(folder)
            new = Meta(
                roles=dict(sorted({**known.roles, **roles}.items())), answered_by=answered_by or known.answered_by
            )
            if new != known or not (folder / _META).exists():
                write_atomically(folder / _META, _pretty(new))
        self._meta = None

    @property
    def meta(self) -> Meta:
        """What the cassette says about itself.

        Raises:
            StorageError: damaged, or written by a newer Sixfold.
        """
        if self._meta is None:
            self._meta = _read_meta(self.folder)
        return self._meta

    def record(self, entry: Entry) -> None:
        """Keep an answer; it is on disk in every folder when this returns.

        Raises:
            StorageError: the disk is full.
        """
        content = _pretty(seal(entry))
        for folder in (self.folder, *self._copies):
            path = folder / f"{entry.key}.json"
            write_atomically(path, content)

    def copy_out(self, entry: Entry) -> None:
        """Complete the `--record` folders with an answer that came from this cassette."""
        for folder in self._copies:
            if not (folder / f"{entry.key}.json").exists():
                write_atomically(folder / f"{entry.key}.json", _pretty(seal(entry)))

    def find(self, key: Digest) -> Entry | None:
        """The recorded answer, None when there is none.

        Raises:
            StorageError: the file is damaged or of a newer Sixfold; names it.
        """
        path = self.folder / f"{key}.json"
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"cannot read the recorded answer {path}", why=str(error.strerror or error)) from error
        return _entry(path, content)

    def entries(self) -> tuple[Entry, ...]:
        """All readable entries, by key; damaged ones are left out (they matter only when they are asked for)."""
        found = []
        for path in sorted(self.folder.glob("*.json")):
            if path.name == _META:
                continue
            try:
                found.append(_entry(path, path.read_bytes()))
            except (StorageError, OSError):
                continue
        return tuple(found)


class Inheriting:
    """An adapter in a fork: a question that was answered before the fork keeps that answer, whoever gave it.

    Args:
        inner: answers everything else.
        answers: cassette key → model, for the answers taken over; the run's cassette holds them.
    """

    def __init__(self, inner: Adapter, answers: Mapping[Digest, str]) -> None:
        self._inner = inner
        self._answers = dict(answers)
        self._models = tuple(sorted(set(answers.values())))
        self.charges: Charges = inner.charges

    def identify(self, request: ModelRequest) -> str:
        """The model whose answer was taken over, else the one that is asked now."""
        for model in self._models:
            if key_of(model, request) in self._answers:
                return model
        return self._inner.identify(request)

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        return self._inner.cost(input_tokens, output_tokens)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def complete(self, request: ModelRequest, *, scope: str = "") -> ModelReply:
        return await self._inner.complete(request, scope=scope)


class ReplayModel:
    """Answers from a cassette alone (`replay:DIR`, `--replay DIR`): offline, the same every time.

    A question that was not recorded raises `ReplayDrift` with the difference to the nearest recorded one.
    """

    charges: Literal["per_call", "once", "never"] = "never"

    def __init__(self, cassette: Cassette) -> None:
        self._cassette = cassette
        if not cassette.folder.is_dir():
            raise StorageError(f"there is no cassette in {cassette.folder}", next="give the folder of a recording")
        self._others: tuple[str, ...] | None = None

    @property
    def roles(self) -> Mapping[str, str]:
        """The recorded model by role."""
        return self._cassette.meta.roles

    def identify(self, request: ModelRequest) -> str:
        """The model whose recorded answer this question gets; the role's recorded model when there is none."""
        roles = self._cassette.meta.roles
        own = roles.get(request.role) or roles.get("*")
        if own and self._recorded(own, request):
            return own
        # A task may have been given to another model on the way (a stronger one after a failure).
        for other in self._other_models():
            if other != own and self._recorded(other, request):
                return other
        return own or "replay"

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        return 0.0

    async def aclose(self) -> None:
        return None

    async def complete(self, request: ModelRequest, *, scope: str = "") -> ModelReply:
        entry = self._cassette.find(key_of(self.identify(request), request))
        if entry is None:
            raise drift(self._cassette, self.identify(request), request)
        return entry.reply()

    def _recorded(self, model: str, request: ModelRequest) -> bool:
        return (self._cassette.folder / f"{key_of(model, request)}.json").exists()

    def _other_models(self) -> tuple[str, ...]:
        if self._others is None:
            self._others = tuple(sorted({entry.model for entry in self._cassette.entries()}))
        return self._others


def drift(cassette: Cassette, model: str, request: ModelRequest) -> ReplayDrift:
    """The error for a question that was never recorded, with a diff against the nearest one that was."""
    entries = cassette.entries()
    asked = _lines(model, request)
    if not entries:
        return ReplayDrift(
            f"{request.purpose} asks something that was not recorded", why=f"{cassette.folder} holds no readable answer"
        )
    nearest = max(entries, key=lambda entry: _nearness(entry, request.purpose, asked))
    names = (f"recorded {nearest.key[:12]} ({nearest.request.purpose})", f"asked now ({request.purpose})")
    return ReplayDrift(
        f"{request.purpose} asks something that was not recorded",
        difference=readable(_lines(nearest.model, nearest.request), asked, names),
        why=f"the nearest of {len(entries)} recorded requests differs (see the diff)",
        next="replay with the version and options of the recording, or record anew with a live model",
    )


def _entry(path: Path, content: bytes) -> Entry:
    remedy = "restore the file from a copy of the cassette, or delete it to ask again"
    try:
        raw = msgspec.json.decode(content)
        version = raw.get("schema_version")
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise StorageError(
                f"{path} was written by a newer Sixfold (cassette schema {version}, this one knows {SCHEMA_VERSION})",
                next="upgrade Sixfold to use this cassette",
            )
        entry = msgspec.json.decode(content, type=Entry)
    except (msgspec.DecodeError, UnicodeDecodeError, AttributeError) as error:
        raise StorageError(f"the recorded answer {path} is damaged", why=str(error), next=remedy) from error
    sound = path.stem == entry.key == key_of(entry.model, entry.request) and entry.checksum == _checksum(raw)
    if not sound:
        raise StorageError(
            f"the recorded answer {path} is damaged", why="its content does not match its checksums", next=remedy
        )
    return entry


def _checksum(raw: dict[str, Json]) -> Digest:
    return digest(canonical({name: value for name, value in raw.items() if name != "checksum"}))


def _read_meta(folder: Path) -> Meta:
    path = folder / _META
    try:
        meta = msgspec.json.decode(path.read_bytes(), type=Meta)
    except FileNotFoundError:
        return Meta()
    except (msgspec.DecodeError, OSError) as error:
        raise StorageError(
            f"{path} is damaged", why=str(error), next="restore it from a copy of the cassette"
        ) from error
    if meta.schema_version > SCHEMA_VERSION or meta.key_scheme != KEY_SCHEME:
        raise StorageError(
            f"{path} was written by another Sixfold (schema {meta.schema_version}, keys {meta.key_scheme})",
            why=f"this one knows schema {SCHEMA_VERSION}, keys {KEY_SCHEME}",
            next="use the version that recorded it, or record anew",
        )
    return meta


def _pretty(value: Data) -> bytes:
    return msgspec.json.format(msgspec.json.encode(to_json(value), order="sorted"), indent=2) + b"\n"


def _lines(model: str, request: ModelRequest) -> list[str]:
    lines = [
        f"model: {model}",
        f"max_output_tokens: {request.max_output_tokens}",
        f"temperature: {request.temperature}",
        f"sample: {request.sample}",
        f"json_schema: {canonical(request.json_schema)}",
        "--- system",
        *request.system.splitlines(),
    ]
    for message in request.messages:
        lines += [f"--- {message.author}", *message.text.splitlines()]
        lines += [f"image: {image.media_type} {image.digest}" for image in message.images]
    return lines


def _nearness(entry: Entry, purpose: str, asked: list[str]) -> tuple[bool, float]:
    return entry.request.purpose == purpose, _likeness(asked, _lines(entry.model, entry.request))


def _likeness(ours: list[str], theirs: list[str]) -> float:
    """Share of common lines; `difflib`'s own ratio is quadratic, and there may be hundreds of long requests."""
    common = sum((Counter(ours) & Counter(theirs)).values())
    return 2 * common / (len(ours) + len(theirs))
