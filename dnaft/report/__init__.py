"""`python -m dnaft.report`: a page and tables from the files that runs leave behind, no torch."""
