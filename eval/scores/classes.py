"""Document classes: right or not."""

from dataclasses import dataclass

from eval.matching import share

UNKNOWN = "unknown"


@dataclass
class ClassScore:
    """Sums over pages."""

    pages: int = 0
    right: int = 0
    unknown: int = 0

    @property
    def mistakes(self) -> float:
        """Pages that got another class."""
        return self.pages - self.right

    def add(self, truth: str, told: str) -> None:
        """Count one page."""
        self.pages += 1
        self.right += told == truth
        self.unknown += told == UNKNOWN

    def figures(self) -> dict[str, float | None]:
        return {
            "accuracy": share(self.right, self.pages),
            "unknown": share(self.unknown, self.pages),
        }
