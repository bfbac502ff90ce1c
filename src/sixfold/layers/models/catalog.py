"""Names, prices and context windows of models; what is missing to use one.

Prices come from the table that `genai_prices` carries (no network). A price that is not known is None, never zero.
"""

from __future__ import annotations

import difflib
import ipaddress
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from sixfold.domain.data import Data
from sixfold.domain.errors import ModelMisconfigured

KEYLESS = "without any key: ollama:NAME, relay:DIR, command:PROGRAM ARGS or replay:DIR"

NO_MODEL = f"""\
No model is configured. Any of these takes a minute:

  a key you already have
      export ANTHROPIC_API_KEY=…      sixfold build "…" -m anthropic:claude-sonnet-4-5
      export OPENAI_API_KEY=…         sixfold build "…" -m openai:gpt-5
      export GOOGLE_API_KEY=…         sixfold build "…" -m google:gemini-2.5-pro

  any OpenAI-compatible server (vLLM, llama.cpp, LM Studio, OpenRouter, a company gateway)
      export OPENAI_BASE_URL=http://localhost:8000/v1
      sixfold build "…" -m openai-chat:NAME

  without a key
      ollama:NAME            a model that Ollama serves on this machine (OLLAMA_BASE_URL, default localhost:11434)
      command:PROGRAM ARGS   any program that reads a prompt on stdin and prints the answer
      relay:DIR              every request becomes a file in DIR; you, or any program, write the answer beside it
      replay:DIR             a recorded run; `sixfold demo` shows one

To keep it:  export SIXFOLD_MODEL=PROVIDER:NAME   ·   all known names and prices:  sixfold models   ({KEYLESS})
"""


class Price(Data, frozen=True, kw_only=True):
    """Configured price of a model, in US dollars per million tokens."""

    input_usd: float
    output_usd: float

    def usd(self, input_tokens: int, output_tokens: int) -> float:
        """What an exchange costs."""
        return (input_tokens * self.input_usd + output_tokens * self.output_usd) / 1_000_000


Kind = Literal["provider", "relay", "command", "replay"]

_KINDS: Mapping[str, Kind] = {"relay": "relay", "command": "command", "replay": "replay"}


class ModelName(Data, frozen=True, kw_only=True):
    """A model as a person writes it, taken apart."""

    kind: Kind
    provider: str
    """`openai`, …; for the other kinds the kind itself."""
    name: str
    """Model name, folder, or command line."""

    def __str__(self) -> str:
        return f"{self.provider}:{self.name}"

    @property
    def identity(self) -> str:
        """Name in cassettes, logs and reports: no folder, no arguments."""
        if self.kind == "provider":
            return str(self)
        if self.kind == "command":
            return f"command:{Path(shlex.split(self.name)[0]).name}"
        return self.kind


class Provider(Data, frozen=True, kw_only=True):
    """What a hosted or local provider needs."""

    keys: tuple[str, ...] = ()
    """Variables that hold its key; the first one set counts. Empty = no key."""
    base_url: str = ""
    """Variable that holds its address."""
    prices: str = ""
    """Its id in the price table."""
    key_optional: bool = False
    """True when a server at an own address may need no key."""


PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider(keys=("OPENAI_API_KEY",), base_url="OPENAI_BASE_URL", prices="openai", key_optional=True),
    "openai-chat": Provider(keys=("OPENAI_API_KEY",), base_url="OPENAI_BASE_URL", prices="openai", key_optional=True),
    "anthropic": Provider(keys=("ANTHROPIC_API_KEY",), base_url="ANTHROPIC_BASE_URL", prices="anthropic"),
    "google": Provider(keys=("GOOGLE_API_KEY", "GEMINI_API_KEY"), base_url="GOOGLE_GEMINI_BASE_URL", prices="google"),
    "bedrock": Provider(prices="aws"),
    "ollama": Provider(base_url="OLLAMA_BASE_URL"),
}

SECRET_VARIABLES = tuple(
    dict.fromkeys(
        [key for provider in PROVIDERS.values() for key in provider.keys]
        + ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK", "OLLAMA_API_KEY"]
    )
)
"""Variables whose values must never leave in a request."""


class KnownModel(Data, frozen=True, kw_only=True):
    """One row of `sixfold models`."""

    name: str
    context_tokens: int | None
    input_usd: float | None
    """Per million tokens."""
    output_usd: float | None
    source: str


def parse_model(text: str) -> ModelName:
    """Take `PROVIDER:NAME`, `relay:DIR`, `command:PROGRAM ARGS` or `replay:DIR` apart.

    Raises:
        ModelMisconfigured: unknown provider, or nothing after the colon; names the nearest known one.
    """
    provider, colon, name = text.strip().partition(":")
    kinds = [*PROVIDERS, *_KINDS]
    if not colon:
        raise ModelMisconfigured(
            f"{text!r} is not a model: write PROVIDER:NAME",
            why=f"providers are {', '.join(kinds)}",
            next="see the known names: sixfold models",
        )
    if provider not in kinds:
        near = difflib.get_close_matches(provider, kinds, n=1)
        raise ModelMisconfigured(
            f"unknown model provider {provider!r}" + (f": did you mean {near[0]}:{name}?" if near else ""),
            why=f"providers are {', '.join(kinds)}",
            next="for any OpenAI-compatible server set OPENAI_BASE_URL and use openai-chat:NAME",
        )
    name = name.strip()
    if provider == "command":
        try:
            empty = not shlex.split(name)
        except ValueError as error:
            raise ModelMisconfigured(
                f"the command line of {text!r} cannot be read", why=str(error), next="close the quotation marks"
            ) from error
    else:
        empty = not name
    if empty:
        raise ModelMisconfigured(
            f"nothing follows the colon in {text!r}", next="write PROVIDER:NAME; see: sixfold models"
        )
    return ModelName(kind=_KINDS.get(provider, "provider"), provider=provider, name=name)


def key_of(model: ModelName, environ: Mapping[str, str]) -> str | None:
    """The provider's key, None when it needs none.

    Raises:
        ModelMisconfigured: it needs one and none is set; names the variable and the ways without a key.
    """
    provider = PROVIDERS[model.provider]
    for variable in provider.keys:
        if environ.get(variable):
            return environ[variable]
    if not provider.keys or (provider.key_optional and environ.get(provider.base_url)):
        return None
    raise ModelMisconfigured(
        f"{model} needs a key: {provider.keys[0]} is not set",
        why="nothing was sent",
        next=f"export {provider.keys[0]}=…, or go {KEYLESS}",
    )


def base_url_of(model: ModelName, environ: Mapping[str, str]) -> str | None:
    """The provider's address if one is configured; Ollama's default otherwise."""
    variable = PROVIDERS[model.provider].base_url
    if variable and environ.get(variable):
        return environ[variable]
    return "http://localhost:11434/v1" if model.provider == "ollama" else None


def is_local(url: str | None) -> bool:
    """True for addresses of this machine or a private network: such a server charges nothing."""
    host = urlsplit(url or "").hostname or ""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def price_of(model: ModelName, base_url: str | None, input_tokens: int, output_tokens: int) -> float | None:
    """US dollars for an exchange of that size, from the price table; None when the model is not in it."""
    if model.kind != "provider" or model.provider == "ollama" or is_local(base_url):
        return 0.0
    # Imported late: the table costs about a second to load, and keyless models never need it.
    import genai_prices

    usage = genai_prices.Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    try:
        if base_url:
            found = genai_prices.calc_price(usage, model.name, provider_api_url=base_url)
        else:
            found = genai_prices.calc_price(usage, model.name, provider_id=PROVIDERS[model.provider].prices)
    except LookupError:
        return None
    return float(found.total_price)


def known() -> tuple[KnownModel, ...]:
    """Models of the price table that the providers here can reach, sorted by name, deprecated ones left out."""
    from genai_prices import data_snapshot  # late, as in `price_of`

    tables = {provider.id: provider.models for provider in data_snapshot.get_snapshot().providers}
    rows = []
    for name, provider in PROVIDERS.items():
        if name == "openai-chat" or not provider.prices:
            continue
        for model in tables.get(provider.prices, ()):
            if model.deprecated:
                continue
            parsed = ModelName(kind="provider", provider=name, name=model.id)
            rows.append(
                KnownModel(
                    name=str(parsed),
                    context_tokens=model.context_window,
                    input_usd=_per_million(price_of(parsed, None, 1_000, 0)),
                    output_usd=_per_million(price_of(parsed, None, 0, 1_000)),
                    source="genai-prices",
                )
            )
    return tuple(sorted(rows, key=lambda row: row.name))


def _per_million(price_of_thousand: float | None) -> float | None:
    """Asked for a thousand tokens, since long contexts cost more a token with some providers."""
    return None if price_of_thousand is None else round(price_of_thousand * 1_000, 6)
