"""Files on the hub: its local cache first, then one quick question, then the download."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from dnaft.errors import InputError

# The hub's client retries for half a minute to minutes when there is no network. One request
# with this limit decides beforehand whether there is any.
PROBE_SECONDS = 5.0

Kind = Literal["model", "dataset"]


class HubError(InputError):
    """A file could not be had from the hub; the message says why, in one line."""


class NotOnHubError(HubError):
    """The hub was asked and has no such file."""


def fetch(
    repo: str, files: Sequence[str], kind: Kind = "model", revision: str | None = None
) -> Path:
    """Return the local path of the first of these files that a repository on the hub has.

    A file in the local cache is used as it is, without asking the network. `HF_ENDPOINT`,
    `HF_HOME` and `HF_HUB_OFFLINE` have their usual meanings.

    Args:
        repo: `owner/name`, or `name` alone.
        files: Alternatives, each `path` or `revision@path`.
        kind: Kind of the repository.
        revision: Branch, tag or commit of the files that name none; by default main.

    Raises:
        NotOnHubError: If the repository has none of them.
        HubError: If the hub cannot be reached, must not be asked, or refuses.
    """
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    cached = find_any_cached(repo, files, kind, revision)
    if cached:
        return cached
    wanted = [_parse(file, revision) for file in files]
    names = " or ".join(path for _, path in wanted)
    if constants.is_offline_mode():
        raise HubError(
            f"the cache {constants.HF_HUB_CACHE} has no {names} of {repo}, and HF_HUB_OFFLINE "
            "forbids to ask the hub"
        )
    for at, path in wanted:
        if not exists(repo, path, kind, at):
            continue
        try:
            return Path(
                hf_hub_download(repo, path, revision=at, repo_type=kind, etag_timeout=PROBE_SECONDS)
            )
        except (HfHubHTTPError, OSError) as error:
            raise HubError(f"{repo}, {path}: {_one_line(error)}") from error
    what = "data set" if kind == "dataset" else kind
    at_revision = f" at revision {revision}" if revision else ""
    raise NotOnHubError(f"{what} {repo} has no {names}{at_revision}")


def is_repository_id(text: str) -> bool:
    """Tell whether this can be the name of a repository on the hub."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(text)
    except HFValidationError:
        return False
    return True


def find_cached(
    repo: str, path: str, kind: Kind = "model", revision: str | None = None
) -> Path | None:
    """Return where the hub's local cache has a file, None if it has not."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repo, path, revision=revision, repo_type=kind)
    return Path(found) if isinstance(found, str) else None


def find_any_cached(
    repo: str, files: Sequence[str], kind: Kind = "model", revision: str | None = None
) -> Path | None:
    """Return where the hub's local cache has the first of these files that it has.

    Args:
        repo: `owner/name`, or `name` alone.
        files: Alternatives, each `path` or `revision@path`.
        kind: Kind of the repository.
        revision: Of the files that name none; by default main.
    """
    for at, path in (_parse(file, revision) for file in files):
        cached = find_cached(repo, path, kind, at)
        if cached:
            return cached
    return None


def exists(repo: str, path: str, kind: Kind = "model", revision: str | None = None) -> bool:
    """Ask the hub once, without retries, whether it has a file.

    Raises:
        HubError: If the hub must not be asked, does not answer in time, or answers neither yes nor
            no.
    """
    from huggingface_hub import constants, get_session, hf_hub_url
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    if constants.is_offline_mode():
        raise HubError("HF_HUB_OFFLINE forbids to ask it")
    url = hf_hub_url(repo, path, revision=revision, repo_type=kind)
    headers = build_hf_headers()
    outcome: list[int | Exception] = []

    def ask() -> None:
        try:
            answer = get_session().head(
                url, headers=headers, timeout=PROBE_SECONDS, follow_redirects=False
            )
            outcome.append(answer.status_code)
        except Exception as error:  # which class it is depends on the client's version
            outcome.append(error)

    # In a thread, because looking up the host's name takes as long as it likes.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS + 1)
    status = outcome[0] if outcome else TimeoutError(f"waited {PROBE_SECONDS + 1:.0f} seconds")
    if isinstance(status, Exception):
        raise HubError(f"no answer from {constants.ENDPOINT}: {_one_line(status)}") from status
    if status in (401, 403):
        raise HubError(
            f"{constants.ENDPOINT} shows no {kind} {repo} (status {status}): check the name; a "
            "private or restricted one needs a token (HF_TOKEN) that has access"
        )
    if status >= 400 and status != 404:
        raise HubError(f"{url} answered with status {status}")
    return status != 404


def _parse(file: str, revision: str | None) -> tuple[str | None, str]:
    own, at, path = file.rpartition("@")
    return (own if at else revision), path


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
