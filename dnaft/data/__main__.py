"""`python -m dnaft.data`: see `dnaft.data_tools`."""

from dnaft.data_tools import main

if __name__ == "__main__":
    main()
