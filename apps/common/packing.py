"""What goes out gzipped to who takes it: the texts of static/, pages, and JSON that holds no secret (decision 23)."""

import asyncio
import gzip
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware, re_accepts_gzip
from django.utils.cache import patch_vary_headers
from servestatic.middleware import ServeStaticMiddleware

_TEXTS = (".css", ".js", ".svg")


class StaticFiles(ServeStaticMiddleware):
    """Each text is packed once in a process, when it is first asked for: no step before the start, and nothing beside
    static/ that could lag behind it."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._packed: dict[tuple[str, str], bytes] = {}

    async def aserve(self, static_file: Any, request: HttpRequest) -> HttpResponseBase:
        answer: HttpResponseBase
        if self._goes_packed(static_file, request):
            path, headers = static_file.get_path_and_headers({})
            body = await self._pack(path, static_file.etag)
            answer = HttpResponse(body, headers=dict(headers) | {"Content-Encoding": "gzip", "Content-Length": str(len(body))})
        else:
            answer = await ServeStaticMiddleware.aserve(static_file, request)
        if request.path_info.endswith(_TEXTS):
            patch_vary_headers(answer, ["Accept-Encoding"])
        return answer

    @staticmethod
    def _goes_packed(static_file: Any, request: HttpRequest) -> bool:
        """Not a part: that is one of the text as it stands."""
        whole = request.method == "GET" and "Range" not in request.headers and not static_file.is_not_modified(request.META)
        return whole and request.path_info.endswith(_TEXTS) and _takes_gzip(request)

    async def _pack(self, path: str, etag: str) -> bytes:
        if (path, etag) not in self._packed:
            text = await asyncio.to_thread(Path(path).read_bytes)
            self._packed[path, etag] = await asyncio.to_thread(gzip.compress, text, mtime=0)
        return self._packed[path, etag]


class Packed(GZipMiddleware):
    """Pages and lists. Django adds up to 100 random bytes, against guessing by lengths (BREACH)."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.streaming or not _may_be_packed(request, response):
            return response
        return super().process_response(request, response)


def _may_be_packed(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Not what has an ETag: packed it would be a weak one, which If-Match takes for none. Not what shows a secret: on pages
    that is only the answer to a post, in JSON whatever may not be stored."""
    if request.method not in {"GET", "HEAD"} or response.has_header("ETag"):
        return False
    kind = response.get("Content-Type", "")
    may_be_stored = "no-store" not in response.get("Cache-Control", "")
    return kind.startswith("text/html") or (kind.startswith("application/json") and may_be_stored)


def _takes_gzip(request: HttpRequest) -> bool:
    return re_accepts_gzip.search(request.headers.get("Accept-Encoding", "")) is not None
