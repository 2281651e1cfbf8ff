"""Check digits and shapes of identifiers. A value holds upper-case letters and digits alone."""

import re


def is_luhn(value: str) -> bool:
    """ISO/IEC 7812-1, annex B: payment cards and many other numbers."""
    if not value.isdecimal() or len(value) < 2:
        return False
    total = 0
    for place, digit in enumerate(reversed(value)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def is_iban(value: str) -> bool:
    """ISO 13616: check digits by ISO 7064 MOD 97-10."""
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", value):
        return False
    digits = "".join(str(int(letter, 36)) for letter in value[4:] + value[:4])
    return int(digits) % 97 == 1


def is_aba(value: str) -> bool:
    """Routing number of a US bank: nine digits weighted 3, 7, 1."""
    if not re.fullmatch(r"\d{9}", value) or value == "0" * 9:
        return False
    return sum(int(d) * (3, 7, 1)[place % 3] for place, d in enumerate(value)) % 10 == 0


def is_ssn(value: str) -> bool:
    """US social security or taxpayer number: the ranges that are never given out. It has no check
    digit."""
    return bool(re.fullmatch(r"(?!000|666)\d{3}(?!00)\d{2}(?!0000)\d{4}", value))


def is_ein(value: str) -> bool:
    """US employer number. It has no check digit."""
    return bool(re.fullmatch(r"(?!00)\d{9}", value))


def is_zip(value: str) -> bool:
    """US postal code of five or nine digits."""
    return bool(re.fullmatch(r"\d{5}(\d{4})?", value))
