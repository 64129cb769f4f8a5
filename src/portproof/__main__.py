"""`python -m portproof` is the `portproof` command."""

from portproof.cli import main

if __name__ == "__main__":
    main()
