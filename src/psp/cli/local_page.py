"""Serves the local pages of `psp label` and `psp live`."""

import importlib
from typing import Any

from psp.cli.console import say
from psp.errors import PSPError


def page_module(module: str) -> Any:
    """Return a module of a local page; PSPError if the extra `label` is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        remedy = "Install them with: pip install 'psp-learning[label]'"
        raise PSPError("pages need Starlette and uvicorn.", remedy=remedy) from error


def serve(server: Any, app: Any) -> None:
    """Serve an application until Ctrl-C, and print the links that open it."""
    local = server.LocalServer(app, lambda link: say(f"for another browser: {link}"))
    say(f"open in a browser on this machine (the link works once): {local.link}")
    local.run()
