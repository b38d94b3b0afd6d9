"""What was asked about one order: its answer, why, and how it moves, all by one model."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ui import side_by_side
from ui.client import Service, ServiceError
from ui.form import Order

TRIES = 3  # to get every answer from the same model, while models are being switched
SWITCHED = "Another model has been switched to: press Predict again."

Answer = dict[str, Any]


@dataclass
class Asked:
    """An order and what the model named in `answer` says of it; text is why it says nothing.

    `moves` are the predictions over the values tried of a field, by its name.
    """

    order: Order
    answer: Answer
    explained: Answer | str
    moves: dict[str, Answer | str] = field(default_factory=dict)

    @property
    def model(self) -> dict[str, Any]:
        """Which model answered."""
        return self.answer["model"]

    def is_by(self, model: dict[str, Any]) -> bool:
        """Whether a model is the one that answered, or is not known."""
        return not model or model["content_hash"] == self.model["content_hash"]

    def must_ask(self, name: str) -> bool:
        """Whether the predictions over a field's values are not there, but may be had."""
        return not isinstance(self.moves.get(name), dict) and self.moves.get(name) != SWITCHED


def ask(service: Service, order: Order, name: str | None, tried: list[Order]) -> Asked:
    """Return the answers about an order, and to it with the values tried of the field `name`.

    They are asked at the same time, and again where a switch of models came in between. Raises
    ServiceError where there is no prediction; the rest is not needed for it.
    """
    for _ in range(TRIES):
        answer, explained, moved = side_by_side.answers(
            lambda: service.predict(order),
            lambda: _or_why(lambda: service.explain(order)),
            lambda: _or_why(lambda: service.predict_batch(tried)) if tried else None,
        )
        others = [one for one in (explained, moved) if isinstance(one, dict)]
        if all(one["model"] == answer["model"] for one in others):
            break
    asked = Asked(order, answer, _of_model(explained, answer))
    if name is not None and moved is not None:
        asked.moves[name] = _of_model(moved, answer)
    return asked


def move(service: Service, asked: Asked, name: str, tried: list[Order]) -> bool:
    """Add the predictions over a field's values; return False where another model made them."""
    moved = _or_why(lambda: service.predict_batch(tried))
    if isinstance(moved, dict) and moved["model"] != asked.model:
        return False
    asked.moves[name] = moved
    return True


def _of_model(told: Answer | str, answer: Answer) -> Answer | str:
    return SWITCHED if isinstance(told, dict) and told["model"] != answer["model"] else told


def _or_why(question: Callable[[], Answer]) -> Answer | str:
    try:
        return question()
    except ServiceError as error:
        return str(error)
