"""Files of data sets on the hub, from its local cache or the network."""

from collections.abc import Sequence
from pathlib import Path

from dnaft.errors import InputError

# The hub's client retries for half a minute to minutes when there is no network. One request
# with this limit decides beforehand whether there is any.
PROBE_SECONDS = 5.0


class HubError(InputError):
    """A file could not be had from the hub; the message is what the hub said, in one line."""


def fetch(repo: str, files: Sequence[str]) -> Path:
    """Return the local path of the first of these files that a data set on the hub has.

    A file in the local cache is used as it is, without asking the network. `HF_ENDPOINT`,
    `HF_HOME` and `HF_HUB_OFFLINE` have their usual meanings.

    Args:
        repo: `owner/name` of the data set.
        files: Alternatives, each `path` or `revision@path`.

    Raises:
        HubError: If the data set has none of them, or the hub cannot be reached.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.constants import is_offline_mode
    from huggingface_hub.errors import HfHubHTTPError

    for file in files:
        revision, path = _parse(file)
        cached = try_to_load_from_cache(repo, path, revision=revision, repo_type="dataset")
        if isinstance(cached, str):
            return Path(cached)
    if is_offline_mode():
        raise HubError(f"it is not in the local cache, and HF_HUB_OFFLINE forbids to ask ({repo})")
    for file in files:
        revision, path = _parse(file)
        if not _is_there(repo, path, revision):
            continue
        try:
            return Path(
                hf_hub_download(
                    repo,
                    path,
                    revision=revision,
                    repo_type="dataset",
                    etag_timeout=PROBE_SECONDS,
                )
            )
        except (HfHubHTTPError, OSError) as error:
            raise HubError(f"{repo}, {path}: {_one_line(error)}") from error
    raise HubError(f"data set {repo} has no {' or '.join(_parse(file)[1] for file in files)}")


def _is_there(repo: str, path: str, revision: str | None) -> bool:
    """Ask the hub once, without retries, for the head of a file.

    Raises:
        HubError: If the hub does not answer, or answers anything but "here" or "not found".
    """
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    url = hf_hub_url(repo, path, revision=revision, repo_type="dataset")
    try:
        answer = get_session().head(
            url, headers=build_hf_headers(), timeout=PROBE_SECONDS, follow_redirects=False
        )
    except Exception as error:  # which class it is depends on the client's version
        raise HubError(f"no answer from {url.split('/datasets')[0]}: {_one_line(error)}") from error
    if answer.status_code == 404:
        return False
    if answer.status_code >= 400:
        raise HubError(f"{url} answered {answer.status_code}")
    return True


def _parse(file: str) -> tuple[str | None, str]:
    revision, at, path = file.rpartition("@")
    return (revision if at else None), path


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
