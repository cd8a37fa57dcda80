"""The one error that means: the input is wrong, not the program."""


class InputError(ValueError):
    """Wrong input of the user: a file, a value of the configuration, a folder.

    The message says what is wrong, where (file and line, or configuration key) and how to fix
    it. The command line prints it without a traceback and exits with status 2.
    """
