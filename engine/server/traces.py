"""Traces of requests, sent to an OpenTelemetry collector; nothing of it is imported unless it is configured."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from engine.config.server import ServerConfig
from engine.errors import CannotStart
from engine.trace import TRACE, Attributes

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

log = logging.getLogger("assay.server")
# The standard's own variables, each of which asks for traces too.
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PATH: Final = "/v1/traces"
_BILLION: Final = 1_000_000_000


class Tracing:
    """Makes a trace of each request, or goes on with the client's."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = provider.get_tracer("assay")
        self._propagator = TraceContextTextMapPropagator()

    @contextlib.contextmanager
    def request(self, name: str, attributes: Attributes, traceparent: str) -> Iterator[None]:
        """What happens in it is a part of the request's trace; `traceparent` is the client's W3C header, or ""."""
        from opentelemetry.trace import SpanKind, Status, StatusCode

        parent = self._propagator.extract({"traceparent": traceparent})
        span = self._tracer.start_span(name, parent, SpanKind.SERVER, attributes, start_time=time.time_ns())
        traced = _Traced(self._tracer, span) if span.is_recording() else None
        outer = TRACE.set(traced)
        try:
            yield
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            TRACE.reset(outer)
            span.end(None if traced is None else traced.at(time.monotonic()))


class _Traced:
    """One request's span; all in it is placed by the monotonic clock, however the machine's is set meanwhile."""

    def __init__(self, tracer: Tracer, span: Span) -> None:
        from opentelemetry.trace import set_span_in_context

        self._tracer = tracer
        self._span = span
        self._inside = set_span_in_context(span)
        self._offset = time.time() - time.monotonic()

    def at(self, seconds: float) -> int:
        """A time of time.monotonic() in nanoseconds since 1970."""
        return int((self._offset + seconds) * _BILLION)

    def add(self, name: str, began: float, ended: float, attributes: Attributes) -> None:
        """See `Trace.add`."""
        span = self._tracer.start_span(name, self._inside, attributes=attributes, start_time=self.at(began))
        span.end(self.at(ended))

    def note(self, name: str, attributes: Attributes, at: float | None = None) -> None:
        """See `Trace.note`."""
        self._span.add_event(name, attributes, self.at(time.monotonic() if at is None else at))


@contextlib.asynccontextmanager
async def tracing(config: ServerConfig) -> AsyncIterator[Tracing | None]:
    """Tracing where the configuration or the environment asks for it, else None; what is left is sent at the end.

    Where OpenTelemetry's packages are not installed, raises CannotStart for the configuration, and warns of the
    environment: its variables are often set for every process of a machine.
    """
    asked_by, provider = _asked_by(config), None
    if asked_by is not None:
        try:
            provider = _provider(config)
        except ImportError as error:
            why = f"{asked_by} asks for traces, and {error}: pip install 'assay[otel]'"
            if config.traces is not None:
                raise CannotStart(why) from None
            log.warning("traces are off: %s", why)
    if provider is None:
        yield None
        return
    try:
        yield Tracing(provider)
    finally:
        await asyncio.to_thread(provider.shutdown)


def _provider(config: ServerConfig) -> TracerProvider:
    """Raises ImportError."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "assay"}
    resource = Resource.create({"service.version": version("assay"), **named})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(_endpoint(config))))
    return provider


def _asked_by(config: ServerConfig) -> str | None:
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if config.traces is not None:
        return f"server.traces {config.traces!r}"
    return next((name for name in _ENDPOINTS if os.environ.get(name)), None)


def _endpoint(config: ServerConfig) -> str | None:
    """None leaves it to the environment."""
    if config.traces is None or urlsplit(config.traces).path not in ("", "/"):
        return config.traces
    return config.traces.rstrip("/") + _PATH
