"""What can go wrong, as plain exceptions: services raise them and know no HTTP."""

from collections.abc import Sequence
from typing import ClassVar


class DomainError(Exception):
    """An outcome that the caller is told about. `code` is stable and documented."""

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFoundError(DomainError):
    """The thing does not exist, or belongs to somebody else: the same answer."""

    code = "not-found"
    title = "Not found"

    def __init__(self, kind: str, id_: int) -> None:
        super().__init__(f"There is no {kind} {id_}.")


class ConflictError(DomainError):
    """The request is fine, and the state of the thing does not allow it."""

    code = "conflict"
    title = "Conflict"


class EmailTakenError(ConflictError):
    """Another user has the e-mail address."""

    code = "email-taken"
    title = "E-mail address taken"


class NameTakenError(ConflictError):
    """The owner has something else of that name."""

    code = "name-taken"
    title = "Name taken"


class ConcurrentUpdateError(ConflictError):
    """Somebody changed the row between our read and our write."""

    code = "concurrent-update"
    title = "Concurrent update"


class AlreadyFinishedError(ConflictError):
    """The execution has its final event."""

    code = "already-finished"
    title = "Already finished"


class ForbiddenError(DomainError):
    """The caller may see the thing, and may not do this to it."""

    code = "forbidden"
    title = "Forbidden"


class UnauthenticatedError(DomainError):
    """No credentials, or credentials that are not (or no longer) good."""

    code = "unauthenticated"
    title = "Unauthenticated"

    def __init__(self, detail: str = "Sign in to do this.") -> None:
        super().__init__(detail)


class PreconditionFailedError(DomainError):
    """If-Match names another version than the current one."""

    code = "precondition-failed"
    title = "Precondition failed"


class UnprocessableError(DomainError):
    """The request is well-formed, and a field of it cannot be accepted."""

    code = "unprocessable"
    title = "Unprocessable content"

    def __init__(self, detail: str, loc: Sequence[str | int] = ()) -> None:
        super().__init__(detail)
        self.loc = tuple(loc)


class UnknownReferenceError(UnprocessableError):
    """The request names ids that the caller cannot use."""

    code = "unknown-reference"
    title = "Unknown reference"

    def __init__(self, field: str, ids: Sequence[int]) -> None:
        listed = ", ".join(map(str, ids))
        super().__init__(
            f"{field} names what does not exist: {listed}.", ["body", field]
        )


class SubagentCycleError(UnprocessableError):
    """An agent would become a subagent of itself."""

    code = "subagent-cycle"
    title = "Subagent cycle"


class IdempotencyKeyReusedError(UnprocessableError):
    """The key came before, with another request."""

    code = "idempotency-key-reused"
    title = "Idempotency key reused"


class UnavailableError(DomainError):
    """The service cannot take the request now."""

    code = "unavailable"
    title = "Unavailable"
