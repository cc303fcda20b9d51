"""`python -m inferbench`."""

from inferbench.cli import main

if __name__ == "__main__":
    main()
