"""What reaches the terminal: our own lines, not the asides of the libraries below."""

import logging
import sys
import warnings
from typing import TextIO

# Lines that ask for nothing a user of dnaft can or should do.
_ASIDES = (
    ".*does not have many workers.*",
    ".*`LeafSpec`.* is deprecated.*",
    ".*LeafSpec.*is deprecated.*",
    ".*is_gradient_checkpointing.*",
    ".*gradient_checkpointing_enable.*",
    ".*Checkpoint directory .* exists and is not empty.*",
    ".*Experiment logs directory .* exists.*",
    ".*smaller than the logging interval.*",
    ".*recommended to use .self.log.*sync_dist=True.*",
    ".*`broadcast_buffers` is deprecated.*",
    ".*could not find the monitored key.*",
    ".*module.* in eval mode at the start of training.*",
    # OPT's layers end in a view; nothing changes it in place.
    "FSDP2-wrapped module.*",
)


class _Terminal(logging.StreamHandler[TextIO]):
    """Writes to what is standard output at the time, not at the time of the set-up."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self.stream = sys.stdout
        super().emit(record)


def set_up_output() -> None:
    """Print the messages of dnaft as they are, and silence the libraries' asides."""
    logger = logging.getLogger("dnaft")
    if not logger.handlers:
        handler = _Terminal()
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in _ASIDES:
        warnings.filterwarnings("ignore", message=message)
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
