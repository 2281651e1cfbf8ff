"""`python -m pagemesh.cli`."""

from pagemesh.cli import main

if __name__ == "__main__":
    main()
