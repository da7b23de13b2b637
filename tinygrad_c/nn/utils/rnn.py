"""Sequences of different lengths in one batch: padded with a value, or packed without padding."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._tensor.tensor import Tensor, int64
from tinygrad_c.ops.create import create
from tinygrad_c.ops.indexing.index import index_select
from tinygrad_c.ops.shape.shape import cat, stack

__all__ = ["PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
           "pad_sequence", "unpack_sequence", "unpad_sequence"]
__getattr__, __dir__ = lazy_names(globals())


class PackedSequence(NamedTuple):
    """A batch of sequences, packed step by step. Each step has only the sequences that are long enough, the longest first.

    data: all steps (sum of lengths, *). batch_sizes: the number of sequences at each step. sorted_indices: the permutation
    that sorts the batch by length. unsorted_indices: its inverse. Created by pack_padded_sequence or pack_sequence.

    >>> packed = pack_sequence([tensor([1., 2., 3.]), tensor([4.])])
    >>> packed.data, packed.batch_sizes
    (tensor([1., 4., 2., 3.]), tensor([2, 1, 1]))
    """

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Convert data with Tensor.to.

        >>> pack_sequence([tensor([1.])]).to(tinygrad_c.float64).data
        tensor([1.], dtype=torch.float64)
        """
        return self._replace(data=self.data.to(*args, **kwargs))

    @property
    def is_cuda(self) -> bool:
        return False


def pad_sequence(sequences: Sequence[Tensor], batch_first: bool = False, padding_value: float = 0.0,
                 padding_side: str = "right") -> Tensor:
    """Stack tensors (L_i, *) to (T, B, *), or (B, T, *) with batch_first, T = max L_i, padded with padding_value.

    >>> pad_sequence([tinygrad_c.tensor([1, 2, 3]), tinygrad_c.tensor([4])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    if isinstance(sequences, Tensor):
        sequences = sequences.unbind(0)
    if padding_side not in ("left", "right"):
        raise ValueError("Expected padding_side to be one of left or right, but got " + repr(padding_side))
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    longest = max(each.shape[0] for each in sequences)
    rows = []
    for each in sequences:
        missing = longest - each.shape[0]
        if missing:
            filling = create.full((missing, *each.shape[1:]), padding_value, dtype=each.dtype)
            each = cat([each, filling] if padding_side == "right" else [filling, each])
        rows.append(each)
    return stack(rows, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The reverse of pad_sequence: a list of sequences with their own lengths.

    >>> unpad_sequence(tensor([[1., 2.], [4., 0.]]), tensor([2, 1]), batch_first=True)
    [tensor([1., 2.]), tensor([4.])]
    """
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [rows[i, :n] for i, n in enumerate(lengths.tolist())]


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The inverse permutation: out[permutation[i]] = i.

    >>> invert_permutation(tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    if permutation is None:
        return None
    inverse = [0] * permutation.shape[0]
    for i, place in enumerate(permutation.tolist()):
        inverse[place] = i
    return create.tensor(inverse, dtype=int64)


def pack_padded_sequence(input: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False,
                         enforce_sorted: bool = True) -> PackedSequence:
    """Pack a padded batch (T, B, *), or (B, T, *) with batch_first, into a PackedSequence without the padding.

    enforce_sorted: the lengths must be in decreasing order. With False the sequences are sorted here, and put back in order
    by pad_packed_sequence. RuntimeError for a length of 0, or if the lengths are not sorted although they must be.

    >>> x = tensor([[1., 4.], [2., 0.], [3., 0.]])
    >>> pack_padded_sequence(x, [3, 1]).data
    tensor([1., 4., 2., 3.])
    """
    counts = [int(n) for n in (lengths.tolist() if isinstance(lengths, Tensor) else lengths)]
    rows = input.transpose(0, 1) if batch_first else input
    if len(counts) != rows.shape[1]:
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {len(counts)} (batch_size="
                           f"{rows.shape[1]})")
    if min(counts) <= 0:
        raise RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0")
    order = None
    if not enforce_sorted:
        places = sorted(range(len(counts)), key=lambda i: -counts[i])
        order = create.tensor(places, dtype=int64)
        counts = [counts[i] for i in places]
        rows = index_select(rows, 1, order)
    elif any(a < b for a, b in zip(counts, counts[1:])):  # noqa: RUF007  (pairwise is not needed for a list)
        raise RuntimeError("`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
                           "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement")
    if counts[0] > rows.shape[0]:
        raise RuntimeError(f"Expected every length to be at most {rows.shape[0]}, the input's steps, but got {counts[0]}")
    sizes = [sum(n > t for n in counts) for t in range(counts[0])]
    data = cat([rows[t, :size] for t, size in enumerate(sizes)])
    return PackedSequence(data, create.tensor(sizes, dtype=int64), order, invert_permutation(order))


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack tensors (L_i, *) into a PackedSequence.

    >>> pack_sequence([tensor([1., 2., 3.]), tensor([4.])]).batch_sizes
    tensor([2, 1, 1])
    """
    lengths = [each.shape[0] for each in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def pad_packed_sequence(sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0,
                        total_length: int | None = None) -> tuple[Tensor, Tensor]:
    """Pad a PackedSequence to (T, B, *), or (B, T, *) with batch_first. Also returns the lengths (B).

    >>> pad_packed_sequence(pack_sequence([tensor([1., 2., 3.]), tensor([4.])]), batch_first=True)
    (tensor([[1., 2., 3.],
            [4., 0., 0.]]), tensor([3, 1]))
    """
    sizes = sequence.batch_sizes.tolist()
    steps, batch = len(sizes), sizes[0]
    if total_length is not None and total_length < steps:
        raise ValueError("Expected total_length to be at least the length of the longest sequence in input, but got "
                         f"total_length={total_length} and max sequence length being {steps}")
    rows = []
    for part in sequence.data.split(sizes):
        missing = batch - part.shape[0]
        rows.append(cat([part, create.full((missing, *part.shape[1:]), padding_value, dtype=part.dtype)]) if missing else part)
    padded = stack(rows)
    if total_length is not None and total_length > steps:
        more = create.full((total_length - steps, *padded.shape[1:]), padding_value, dtype=padded.dtype)
        padded = cat([padded, more])
    lengths = create.tensor([sum(size > i for size in sizes) for i in range(batch)], dtype=int64)
    if sequence.unsorted_indices is not None:
        padded = index_select(padded, 1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices]
    return padded.transpose(0, 1) if batch_first else padded, lengths


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The reverse of pack_sequence: a list of sequences with their own lengths.

    >>> unpack_sequence(pack_sequence([tensor([1., 2.]), tensor([4.])]))
    [tensor([1., 2.]), tensor([4.])]
    """
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), batch_first=True)
