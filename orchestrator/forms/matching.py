"""Which registered form a page is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from meshkit.model import Image
from orchestrator.forms.agreement import agreement
from orchestrator.forms.alignment import Alignment, align, align_from
from orchestrator.forms.blank import MIN_WORDS, BlankPage
from orchestrator.forms.library import Form, FormSet
from orchestrator.forms.words import PageWord, key_of
from pagemesh.orchestrator.v1.document_pb2 import FormMatch

_CANDIDATES = 3
_LEAST_COMMON = 0.15
"""Share of a blank's words that must be somewhere on a page before it is laid on it."""
_FULL_FOUND, _FULL_COVERAGE = 0.6, 0.8
"""Shares from which on words and coverage leave no doubt."""
_FADED_FOUND, _FADED_COVERAGE = 0.1, 0.35
"""The same for a page that shows nothing else where the blank prints its words."""
_FOREIGN, _OWN = 0.6, 0.85
"""Agreement that another year's form reaches, and that a faded page of this one has."""


@dataclass(frozen=True)
class LaidPage:
    """A page laid on a page of a form."""

    form: Form
    blank: BlankPage
    alignment: Alignment

    def score(self, words: Sequence[PageWord]) -> float:
        """How sure it is, in [0, 1], that the page with these words is this one: most of the print
        is there, or, where it is faded, some everywhere and nothing that contradicts it."""
        whole = self._share(_FULL_FOUND, _FULL_COVERAGE)
        faded = self._share(_FADED_FOUND, _FADED_COVERAGE)
        if faded <= whole or len(self.blank.words) < MIN_WORDS:
            return whole
        agreed = agreement(self.blank, words, self.alignment)
        return max(whole, faded * min(1.0, max(0.0, (agreed - _FOREIGN) / (_OWN - _FOREIGN))))

    def _share(self, found: float, coverage: float) -> float:
        return min(1.0, self.alignment.found / found) * min(1.0, self.alignment.coverage / coverage)

    def message(self, score: float) -> FormMatch:
        return FormMatch(
            name=self.form.definition.name,
            version=self.form.definition.version,
            digest=self.form.digest,
            blank_page=self.blank.number,
            score=score,
            matrix=[float(v) for v in self.alignment.matrix.ravel()],
            matches=self.alignment.matches,
            residual_points=self.alignment.residual,
            coverage=self.alignment.coverage,
        )


def find_form(
    forms: FormSet, words: Sequence[PageWord], image: Image, label: str, min_score: float
) -> FormMatch:
    """The form that a page is, with its name empty and a reason when it is none.

    Args:
        words: of the page.
        image: its pixels, for blanks with few words.
        label: what the classifier said; empty when it did not or does not know the page.
        min_score: from which on a form is taken.
    """
    candidates = list(_candidates(forms, words, label))
    laid = [
        LaidPage(form, blank, alignment)
        for form, blank in candidates
        if (alignment := align(blank, words, image)) is not None
    ]
    scored = [(page.score(words), page.alignment.matches, page) for page in laid]
    # Two years of one form may both leave no doubt: the page is the one that more words follow.
    score, _, best = max(scored, key=lambda item: item[:2], default=(0.0, 0, None))
    if best is not None and score >= min_score:
        return best.message(score)
    if not forms.forms:
        return FormMatch(reason="no form is registered")
    if best is None:
        return FormMatch(reason="the page has too little in common with any registered form")
    name = best.form.definition.name
    return FormMatch(
        score=score,
        reason=f"nearest is `{name}`, page {best.blank.number}, with a score of {score:.2f}; "
        f"{min_score:g} is needed",
    )


def lay_again(forms: FormSet, match: FormMatch, words: Sequence[PageWord]) -> LaidPage | None:
    """The page laid as a match says; None when the match names no form of this set."""
    form = forms.by_name.get(match.name)
    if form is None or not 1 <= match.blank_page <= len(form.pages):
        return None
    blank = form.pages[match.blank_page - 1]
    matrix = np.array(match.matrix, np.float64).reshape(3, 3)
    return LaidPage(form, blank, align_from(blank, words, matrix))


def _candidates(
    forms: FormSet, words: Sequence[PageWord], label: str
) -> Iterator[tuple[Form, BlankPage]]:
    """Pages with most words in common with the page, best first; and all that have few words."""
    keys = {key for word in words if len(key := key_of(word.text)) > 2}
    ranked: list[tuple[float, int, int]] = []
    for place, form in enumerate(forms.forms):
        classes = form.definition.classes
        if classes and label and label not in classes:
            continue
        used = {item.page for item in form.definition.fields}
        for index, (blank, printed) in enumerate(zip(form.pages, form.keys, strict=True)):
            if blank.number not in used:
                continue
            if len(blank.words) < MIN_WORDS:
                ranked.append((0.0, place, index))
                continue
            common = len(keys & printed) / max(1, len(printed))
            if common >= _LEAST_COMMON:
                ranked.append((common, place, index))
    ranked.sort(reverse=True)
    for _, place, index in ranked[:_CANDIDATES]:
        form = forms.forms[place]
        yield form, form.pages[index]
