"""What people say of fields, kept beside what was read."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gateway.documents import not_found
from gateway.identity import Client
from gateway.ledger import Ledger
from gateway.problems import HttpProblem
from gateway.records import Correction, Record, now
from gateway.resources import etag_of
from gateway.stores import Store
from meshkit.errors import Conflict, InvalidInput, NotFound
from pagemesh.orchestrator.v1 import document_pb2 as documents

ANY = "*"
_YES_OR_NO = (documents.FIELD_KIND_CHECKBOX, documents.FIELD_KIND_SIGNATURE)

Place = tuple[int, int]
"""A page's number, and a field's index on it."""


class Corrected(NamedTuple):
    """A field as it was read, and what was said of it."""

    field: documents.Field
    correction: Correction


class Corrections:
    """Corrections of fields; those of a document are part of its record.

    Args:
        store: where documents and pages are.
        ledger: writes documents.
    """

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    async def of(self, record: Record) -> list[Corrected]:
        """A document's, by page and field. Raises DependencyUnavailable."""
        places = [each.place for each in record.corrections]
        fields = await self._fields(record.work_id, places)
        return [Corrected(fields[each.place], each) for each in record.corrections]

    async def change(
        self,
        client: Client,
        record: Record,
        tags: Sequence[str],
        values: Mapping[Place, str | None],
    ) -> Record:
        """Correct fields, all of them or none; the document after that.

        Args:
            client: who says so.
            record: the document.
            tags: the states, one of which it must be in still; `*` is any.
            values: the right ones; None takes a correction back.

        Raises:
            HttpProblem: 412, it is in another state by now.
            Conflict: it is not final.
            NotFound: there is no such page or field, or no document any more.
            InvalidInput: a value cannot be one of its field.
            DependencyUnavailable.
        """
        if not record.status.is_final:
            raise Conflict(
                f"the document is {record.status}; it can be corrected at its end",
                reason="RESULT_NOT_READY",
            )
        fields = await self._fields(record.work_id, values)
        for place, value in values.items():
            _check(fields[place], place, value)

        def change(latest: Record) -> Record:
            if ANY not in tags and etag_of(latest) not in tags:
                raise HttpProblem(
                    412,
                    "DOCUMENT_CHANGED",
                    "the document was corrected meanwhile; look at it again",
                )
            return latest.model_copy(update={"corrections": _merged(latest, client, values)})

        changed = await self._ledger.change(record.work_id, change)
        if changed is None:
            raise not_found(record.id)
        return changed

    async def _fields(
        self, work_id: str, places: Sequence[Place] | Mapping[Place, object]
    ) -> dict[Place, documents.Field]:
        found: dict[Place, documents.Field] = {}
        for number in sorted({number for number, _ in places}):
            page = await self._store.page(work_id, number)
            if page is not None:
                fields = page.result().fields
                found |= {(number, index): field for index, field in enumerate(fields)}
        for number, index in places:
            if (number, index) not in found:
                raise NotFound(
                    f"page {number} has no field {index}",
                    reason="FIELD_NOT_FOUND",
                    metadata={"page": str(number)},
                )
        return found


def _check(field: documents.Field, place: Place, value: str | None) -> None:
    if field.kind in _YES_OR_NO and value not in {"true", "false", None}:
        raise InvalidInput(
            f"value: field {place[1]} of page {place[0]} is `true` or `false`",
            metadata={"field": "value", "page": str(place[0])},
        )


def _merged(
    record: Record, client: Client, values: Mapping[Place, str | None]
) -> tuple[Correction, ...]:
    merged = {each.place: each for each in record.corrections}
    moment = now()
    for place, value in values.items():
        if value is None:
            merged.pop(place, None)
        else:
            merged[place] = Correction(
                page_number=place[0],
                field_index=place[1],
                value=value,
                client=client.id,
                at=moment,
            )
    return tuple(merged[place] for place in sorted(merged))
