"""Files of a zip archive that a user downloaded, taken out without trusting its names."""

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from dnaft.errors import InputError

# DNA as text shrinks four- to fivefold; repeats of one line a thousandfold.
_LARGEST_BYTES = 2**31
_LARGEST_RATIO = 100
_SMALL_BYTES = 2**16
# zipfile's own, and what it lets through of damaged, encrypted or exotic archives.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


class Archive:
    """A zip archive whose files are found by the end of their names.

    A name never decides where something is written: `extract` takes the target from its caller.

    Args:
        path: The archive.

    Raises:
        InputError: If it is missing, no zip archive, or holds names that lead out of a folder,
            links, or files that are implausibly large.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._damage_told(), zipfile.ZipFile(path) as content:
            members = content.infolist()
        for member in members:
            self._check(member)
        self._members = [member for member in members if not member.is_dir()]

    def find(self, wanted: Mapping[PurePosixPath, str]) -> dict[str, str]:
        """Return the members whose name ends in one of these paths.

        Args:
            wanted: By path, whatever the caller calls it.

        Returns:
            The name in the archive, by what the caller calls it.

        Raises:
            InputError: If two members end in the same path.
        """
        found: dict[str, str] = {}
        depths = {len(path.parts) for path in wanted}
        for member in self._members:
            parts = _parts(member.filename)
            if parts[0] == "__MACOSX":  # what macOS puts beside each file
                continue
            for depth in depths & set(range(1, len(parts) + 1)):
                key = wanted.get(PurePosixPath(*parts[-depth:]))
                if key is None:
                    continue
                if key in found:
                    raise InputError(
                        f"file: {self.path} holds {found[key]} and {member.filename}, which are "
                        "the same data set twice; unpack it yourself and keep one"
                    )
                found[key] = member.filename
        return found

    def extract(self, name: str, target: Path) -> None:
        """Write one member to a path, its checksum checked.

        Raises:
            InputError: If it is damaged or encrypted; nothing useful is then at the path.
        """
        with (
            self._damage_told(),
            zipfile.ZipFile(self.path) as content,
            content.open(name) as source,
            target.open("wb") as file,
        ):
            shutil.copyfileobj(source, file)

    def _check(self, member: zipfile.ZipInfo) -> None:
        name = member.filename
        parts = _parts(name)
        leads_out = name.startswith(("/", "\\")) or ".." in parts or parts[0].endswith(":")
        if leads_out:
            raise InputError(
                f"file: {self.path} holds {name!r}, a name that leads out of the folder; do not "
                "trust this archive, get it anew from its publisher"
            )
        if stat.S_ISLNK(member.external_attr >> 16):
            raise InputError(
                f"file: {self.path} holds the link {name!r}; data sets have none: get the archive "
                "anew from its publisher"
            )
        bloated = member.file_size > _LARGEST_RATIO * max(member.compress_size, _SMALL_BYTES)
        if member.file_size > _LARGEST_BYTES or bloated:
            raise InputError(
                f"file: {self.path}: {name} would be {member.file_size:,} bytes, of "
                f"{member.compress_size:,} in the archive; no data set is like that"
            )

    @contextmanager
    def _damage_told(self) -> Iterator[None]:
        try:
            yield
        except InputError:
            raise
        except FileNotFoundError as error:
            raise InputError(f"file: there is no {self.path}; check the path") from error
        except IsADirectoryError as error:
            raise InputError(
                f"file: {self.path} is a folder; give it as data_dir to the training, or give the "
                "zip archive"
            ) from error
        except _DAMAGE as error:
            first = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(
                f"file: {self.path} is no zip archive that can be read ({first}); download it anew"
            ) from error


def _parts(name: str) -> list[str]:
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")] or [""]
