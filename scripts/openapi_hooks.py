"""What a schema cannot say, for schemathesis: which names there are, and what is true of others.

Values that the schema refuses stay as they are.
"""

import hashlib
import re
from typing import Any

import schemathesis

from gateway import patterns

PIPELINE = "forms"
_LONGEST_NAME, _LONGEST_VALUE = 128, 4096


@schemathesis.hook
def before_call(_context: Any, case: Any, _options: Any) -> None:
    """Name a pipeline that there is, the digest of the file that is sent, the state that is."""
    if case.method.upper() == "PATCH" and case.headers is not None:
        case.headers["If-Match"] = "*"
    body = case.body
    if not isinstance(body, dict):
        return
    corrections = body.get("corrections")
    for each in corrections if isinstance(corrections, list) else ():
        if isinstance(each, dict):
            _answer_yes_or_no(each)
    name, digest, file = body.get("pipeline"), body.get("sha256"), body.get("file")
    if isinstance(name, str) and len(name) <= _LONGEST_NAME:
        body["pipeline"] = PIPELINE
    if isinstance(digest, str) and re.search(patterns.SHA256, digest) and file is not None:
        content = file if isinstance(file, bytes) else str(file).encode()
        body["sha256"] = hashlib.sha256(content).hexdigest()


def _answer_yes_or_no(correction: dict[str, Any]) -> None:
    """Of the fields that the fake models find, only the first one is a text."""
    value = correction.get("value")
    is_text = isinstance(value, str) and len(value) <= _LONGEST_VALUE
    if is_text and correction.get("field_index") != 0:
        correction["value"] = "true"
