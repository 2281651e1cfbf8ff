"""The forms that texts in requests must have, and what a person is told of them."""

DOCUMENT_ID = r"^[A-Za-z0-9._:-]{1,128}$"
IDEMPOTENCY_KEY = r'^([A-Za-z0-9._:-]{1,128}|"[A-Za-z0-9._:-]{1,128}")$'
LOCATION = r"^(https?|s3|file)://"
PAGES = r"^[0-9, -]*$"
SHA256 = r"^[0-9A-Fa-f]{64}$"
WEBHOOK = (
    r"^https?://([A-Za-z0-9._~%!$&'()*+,;=:-]*@)?"
    r"([A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?([/?#]|$)"
)

IN_WORDS = {
    DOCUMENT_ID: "1 to 128 letters, digits and . _ : - are expected",
    IDEMPOTENCY_KEY: "1 to 128 letters, digits and . _ : - are expected, in quotes or not",
    LOCATION: "an address with https://, http://, s3:// or file:// is expected",
    PAGES: "numbers and ranges of pages are expected: 1-3,7",
    SHA256: "64 hexadecimal digits are expected",
    WEBHOOK: "an address with https:// or http:// and a host is expected",
}
"""By pattern: what stands in the problem instead of the regular expression."""
