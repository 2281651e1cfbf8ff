"""How a page lies: skew and orientation."""

from dataclasses import dataclass, field

import numpy as np

WITHIN_DEGREES = 0.1


@dataclass
class TurnScore:
    """Sums over pages.

    The skew's error is its distance from the label, folded to [0, 45] degrees so that a wrong
    orientation does not count twice. Orientation is right or not; "can't tell" is not.
    """

    pages: int = 0
    errors: list[float] = field(default_factory=list)
    oriented: list[bool] = field(default_factory=list)

    @property
    def mistakes(self) -> float:
        """Degrees of skew, and a right angle for a wrong orientation."""
        return sum(self.errors) + 90 * self.oriented.count(False)

    def add_skew(self, truth: float, told: float) -> None:
        """Degrees clockwise; what a page that is not told counts as is the caller's to say."""
        self.errors.append(folded(told - truth, 90))

    def add_orientation(self, truth: int, told: int | None) -> None:
        """Degrees clockwise; None: can't tell."""
        self.oriented.append(told is not None and told % 360 == truth % 360)

    def figures(self) -> dict[str, float | None]:
        errors = np.array(self.errors)
        return {
            "mean error": float(errors.mean()) if len(errors) else None,
            "median": float(np.median(errors)) if len(errors) else None,
            "largest": float(errors.max()) if len(errors) else None,
            f"<= {WITHIN_DEGREES}": float((errors <= WITHIN_DEGREES).mean())
            if len(errors)
            else None,
            "orientation": float(np.mean(self.oriented)) if self.oriented else None,
        }


def folded(degrees: float, period: float) -> float:
    """Distance of an angle from the nearest multiple of `period`."""
    return abs((degrees + period / 2) % period - period / 2)
