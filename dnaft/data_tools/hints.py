"""What a user's file may hold beside what is read from it."""

from collections.abc import Mapping

from dnaft.data_tools import guess
from dnaft.data_tools.look import Look
from dnaft.data_tools.proposal import Proposal


def hints(given: Mapping[str, str], look: Look, proposal: Proposal) -> list[str]:
    """Return what the file may hold beside what is read, and how to ask for it.

    Args:
        given: The command line.
        look: What stands in the file.
        proposal: What was made of it.
    """
    lines = []
    sequences = guess.sequence_columns(look.columns) if look.form == "table" else []
    if len(sequences) > 1 and not {"sequence", "sequence_b"} & set(given):
        first, *others = sequences
        lines.append(
            f"{first} is read, not {', '.join(others)}: sequence_b={others[0]} reads pairs, "
            "sequence=COLUMN another column"
        )
    if proposal.source["label_columns"] is None:
        likely = guess.possible_labels(look.columns, sequences)
        several = f", several as label={','.join(likely)}" if len(likely) > 1 else ""
        lines.append(
            f"no column is surely the label: name it with label={likely[0]}{several}"
            if likely
            else "no column looks like labels: name it with label=COLUMN"
        )
    return lines
