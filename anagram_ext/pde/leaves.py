"""The tensors that the gradients of a value would go to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def leaves(value: Tensor) -> list[Tensor]:
    """The tensors that autograd would accumulate gradients of."""
    if value.is_leaf:
        return [value] if value.requires_grad else []
    found: list[Tensor] = []
    seen: set[object] = set()
    pending: list[Any] = [value.grad_fn]
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)  # of the nodes that accumulate gradients
        if leaf is not None:
            found.append(leaf)
        pending.extend(following for following, _ in node.next_functions)
    return found
