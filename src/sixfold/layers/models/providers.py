"""Hosted and local models through pydantic-ai: one direct request each, no agent, no tools.

Only the one provider that is asked for is imported, and only when it is asked: imports take seconds (`preload` does
them in a thread while other work goes on). Keys and addresses are passed in, from the providers' usual variables;
proxies and certificates (`HTTPS_PROXY`, `SSL_CERT_FILE`) are honoured by the HTTP client. SDK retries are off.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sixfold.domain.data import Digest, canonical
from sixfold.domain.errors import ModelMisconfigured
from sixfold.domain.model import ModelReply, ModelRequest, Usage
from sixfold.layers.models import faults
from sixfold.layers.models.adapter import Charges, estimate_usage
from sixfold.layers.models.cassette import key_of
from sixfold.layers.models.catalog import PROVIDERS, ModelName, Price, base_url_of, is_local, price_of
from sixfold.layers.models.catalog import key_of as secret_of

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model as Client

_CLASSES = {
    "openai": ("openai", "OpenAIResponsesModel", "OpenAIProvider"),
    "openai-chat": ("openai", "OpenAIChatModel", "OpenAIProvider"),
    "anthropic": ("anthropic", "AnthropicModel", "AnthropicProvider"),
    "google": ("google", "GoogleModel", "GoogleProvider"),
    "bedrock": ("bedrock", "BedrockConverseModel", "BedrockProvider"),
    "ollama": ("ollama", "OllamaModel", "OllamaProvider"),
}
"""Module in pydantic-ai's `models` and `providers`, and the class in each."""

_ENFORCES_SCHEMA = "supports_json_schema_output"

_NO_KEY = "no-key-needed"
"""The OpenAI client insists on some key even where the server wants none."""


def preload(models: Iterable[ModelName]) -> None:
    """Import what these models need. Run it in a thread; a missing extra is reported when the model is used."""
    for model in models:
        if model.kind == "provider":
            try:
                _load(model.provider)
                import genai_prices  # noqa: F401  # the price table, loaded with the rest
            except ModelMisconfigured:
                continue


class ProviderModel:
    """One model of one provider.

    Args:
        model: of kind `provider`.
        environ: where keys and addresses are looked up.
        blob: bytes of a picture.
        price: configured price; else the price table's.
        timeout_s: seconds without an answer after which an attempt has failed.

    Raises:
        ModelMisconfigured: the key is missing; nothing was sent.
    """

    charges: Charges = "per_call"

    def __init__(
        self,
        model: ModelName,
        *,
        environ: Mapping[str, str],
        blob: Callable[[Digest], bytes] | None = None,
        price: Price | None = None,
        timeout_s: float = 600.0,
    ) -> None:
        self._model = model
        self._key = secret_of(model, environ)
        self._base_url = base_url_of(model, environ)
        self._region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
        self._blob = blob
        self._price = price
        self._timeout_s = timeout_s
        self._client: Client | None = None
        self._json_mode = True
        """False once the server refused to enforce a JSON schema."""

    def identify(self, request: ModelRequest) -> str:
        return self._model.identity

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        if self._price is not None:
            return self._price.usd(input_tokens, output_tokens)
        return price_of(self._model, self._base_url, input_tokens, output_tokens)

    async def aclose(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            closing = getattr(getattr(client, "client", None), "close", None)
            if closing is not None and self._model.provider != "google":
                await closing()

    async def complete(self, request: ModelRequest, *, scope: str = "") -> ModelReply:
        client = self._opened()
        try:
            if request.json_schema is None or not self._json_mode or not client.profile.get(_ENFORCES_SCHEMA):
                return self._reply(request, await self._send(client, request, enforced=False))
            try:
                return self._reply(request, await self._send(client, request, enforced=True))
            except faults.Rejected:
                reply = self._reply(request, await self._send(client, request, enforced=False))
                self._json_mode = False  # plain prompting passed, so it was the schema
                return reply
        except faults.Refused:
            return ModelReply(
                text="",
                model=self._model.identity,
                usage=Usage(calls=1, cost_usd=0.0),
                finish="refused",
                request=key_of(self._model.identity, request),
            )

    def _opened(self) -> Client:
        if self._client is None:
            model_class, provider_class = _load(self._model.provider)
            arguments: dict[str, Any] = {"api_key": self._key or _NO_KEY}
            if self._model.provider == "bedrock":
                arguments = {"region_name": self._region} if self._region else {}
            elif self._base_url:
                arguments["base_url"] = self._base_url
            with faults.translated(str(self._model)):
                self._client = model_class(self._model.name, provider=provider_class(**arguments))
        return self._client

    async def _send(self, client: Client, request: ModelRequest, *, enforced: bool) -> ModelResponse:
        # Late, as everything of pydantic-ai: its import takes a second or two.
        from pydantic_ai.direct import model_request
        from pydantic_ai.models import ModelRequestParameters
        from pydantic_ai.output import OutputObjectDefinition
        from pydantic_ai.settings import ModelSettings

        settings = ModelSettings(max_tokens=request.max_output_tokens, timeout=self._timeout_s, max_retries=0)
        if request.temperature is not None:
            settings["temperature"] = request.temperature
        parameters = ModelRequestParameters()
        if enforced:
            parameters = ModelRequestParameters(
                output_mode="native",
                output_object=OutputObjectDefinition(json_schema=request.json_schema, name="answer"),
            )
        with faults.translated(str(self._model)):
            return await model_request(
                client,
                _messages(request, self._blob, enforced=enforced),
                model_settings=settings,
                model_request_parameters=parameters,
            )

    def _reply(self, request: ModelRequest, response: ModelResponse) -> ModelReply:
        text = "".join(part.content for part in response.parts if part.part_kind == "text")
        finish = {"length": "length", "content_filter": "refused"}.get(response.finish_reason or "", "stop")
        return ModelReply(
            text=text,
            model=self._model.identity,
            usage=self._usage(request, response, text),
            finish=finish,  # type: ignore[arg-type]  # the table above holds only literals of `finish`
            request=key_of(self._model.identity, request),
        )

    def _usage(self, request: ModelRequest, response: ModelResponse, text: str) -> Usage:
        counted = response.usage
        if not counted.input_tokens and not counted.output_tokens:
            estimate = estimate_usage(request, text)
            return Usage(
                calls=1,
                input_tokens=estimate.input_tokens,
                output_tokens=estimate.output_tokens,
                cost_usd=self.cost(estimate.input_tokens, estimate.output_tokens),
                estimated=True,
            )
        return Usage(
            calls=1,
            input_tokens=counted.input_tokens,
            output_tokens=counted.output_tokens,
            cost_usd=self._charged(response),
        )

    def _charged(self, response: ModelResponse) -> float | None:
        """The price of what the server counted, cached input at its own rate."""
        if self._price is not None or self._model.provider == "ollama" or is_local(self._base_url):
            return self.cost(response.usage.input_tokens, response.usage.output_tokens)
        import genai_prices  # late: see `catalog.price_of`

        where: dict[str, Any] = (
            {"provider_api_url": self._base_url}
            if self._base_url
            else {"provider_id": PROVIDERS[self._model.provider].prices}
        )
        try:
            return float(genai_prices.calc_price(response.usage, self._model.name, **where).total_price)
        except LookupError:
            return None


def _load(provider: str) -> tuple[Any, Any]:
    module, model_class, provider_class = _CLASSES[provider]
    try:
        return (
            getattr(importlib.import_module(f"pydantic_ai.models.{module}"), model_class),
            getattr(importlib.import_module(f"pydantic_ai.providers.{module}"), provider_class),
        )
    except ImportError as error:
        extra = "openai" if provider in ("openai-chat", "ollama") else provider
        raise ModelMisconfigured(
            f"models of {provider} need a package that is not installed",
            why=str(error).splitlines()[0],
            next=f"pip install 'pydantic-ai-slim[{extra}]'",
        ) from error


def _messages(request: ModelRequest, blob: Callable[[Digest], bytes] | None, *, enforced: bool) -> list[ModelMessage]:
    # Late: see `_send`.
    from pydantic_ai.messages import BinaryContent, ModelResponse, SystemPromptPart, TextPart, UserPromptPart
    from pydantic_ai.messages import ModelRequest as Turn

    system = request.system
    if request.json_schema is not None and not enforced:
        system += f"\n\nAnswer with one JSON object that follows this JSON Schema:\n{canonical(request.json_schema)}"
    turns: list[ModelMessage] = []
    for message in request.messages:
        if message.author == "model":
            turns.append(ModelResponse(parts=[TextPart(content=message.text)]))
            continue
        pictures = [
            BinaryContent(data=blob(image.digest), media_type=image.media_type)
            for image in message.images
            if blob is not None
        ]
        part = UserPromptPart(content=[message.text, *pictures] if pictures else message.text)
        first = [SystemPromptPart(content=system)] if system and not turns else []
        turns.append(Turn(parts=[*first, part]))
    return turns
