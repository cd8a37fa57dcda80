"""The yaml files of the configuration: where they lie and which names they offer."""

from collections.abc import Iterable
from pathlib import Path


def config_dir() -> str:
    """Return the absolute folder of the yaml files: in the wheel, else in the checkout."""
    package = Path(__file__).resolve().parent
    packaged = package / "conf"
    return str(packaged if packaged.is_dir() else package.parent / "conf")


def choices(group: str, folders: Iterable[Path] = ()) -> list[str]:
    """Return what can be chosen in a group; files that start with `_` are only built upon.

    Args:
        group: Folder of conf/.
        folders: More folders like conf/.
    """
    files = (
        file for top in (Path(config_dir()), *folders) for file in (top / group).glob("*.yaml")
    )
    return sorted({file.stem for file in files if not file.stem.startswith("_")})
