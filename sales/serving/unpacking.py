"""What a file unpacks to, within a limit; of a Parquet file how much that is, before it is done.

Kilobytes may hold gigabytes: a text that stands once in a dictionary, for millions of rows. What a
file's footer says bounds all columns but text; of a text's dictionary the longest entry is read.
"""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sales.data.reading import formats, packing
from sales.errors import PipelineError
from sales.serving.refusals import RefusedError

# Bytes of a value in Arrow's memory, by Parquet's physical type; of a text: where it begins, as a
# view at most. And of each list: where that begins.
WIDTH = {
    **{"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 8, "FLOAT": 4, "DOUBLE": 8},
    **{"BYTE_ARRAY": 16, "FIXED_LEN_BYTE_ARRAY": 0},
}
LIST = 8
# A text may be longer than all that is written of it: it shares its beginning with the one before.
SHARED = "DELTA_BYTE_ARRAY"


def whole(body: bytes, most_mb: float) -> bytes:
    """Return what a file holds that may be packed.

    Raises RefusedError for a packing that is broken, and for one that holds more than so many
    megabytes: it is not unpacked any further.
    """
    packed = formats.of_bytes(body).packed
    if packed is None:
        return body
    try:
        found = packing.whole(body, packed, int(most_mb * 1e6), f"the {packed}")
    except packing.TooLargeError:
        raise too_large(most_mb) from None
    except PipelineError as error:
        raise RefusedError(400, "invalid", str(error)) from None
    if formats.of_bytes(found).packed:
        raise RefusedError(400, "invalid", f"the {packed} holds another packed file: unpack it")
    return found


def too_large(most_mb: float) -> RefusedError:
    """Return what is said of a file that unpacks to more than so many megabytes."""
    detail = f"the file unpacks to more than {most_mb:g} MB: send it in several files"
    return RefusedError(413, "too_large", detail)


def limit(body: bytes, most_mb: float) -> None:
    """Raise RefusedError for a Parquet file that takes more than that many megabytes unpacked.

    One that is broken passes: whoever reads it tells what is wrong with it.
    """
    try:
        size = unpacked(body, most_mb * 1e6)
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return
    if size > most_mb * 1e6:
        raise too_large(most_mb)


def unpacked(body: bytes, most: float) -> float:
    """Return no less than the bytes that a Parquet file takes unpacked, if these are below `most`.

    Anything above `most` stands for more than it.
    """
    source = pa.BufferReader(body)
    metadata = pq.read_metadata(source)
    total = 0.0
    texts = []
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(index)
            shape = metadata.schema.column(index)
            width = WIDTH[chunk.physical_type] + max(shape.length, 0)
            width += LIST * shape.max_repetition_level
            total += chunk.num_values * width + chunk.total_uncompressed_size
            if chunk.physical_type == "BYTE_ARRAY":
                texts.append((group, index, chunk))
        if total > most:
            return total
    for group, index, chunk in texts:
        if SHARED in chunk.encodings:
            total += chunk.num_values * chunk.total_uncompressed_size
        elif chunk.has_dictionary_page:
            total += _repeated(source, group, index, chunk.num_values, most - total)
        if total > most:
            return total
    return total


def _repeated(source: pa.BufferReader, group: int, index: int, values: int, room: float) -> float:
    """Return how much longer a text column is than what is written of it, or a bound of that."""
    path = pq.ParquetFile(source).schema.column(index).path
    file = pq.ParquetFile(source, read_dictionary=[path])
    first = _texts(next(file.iter_batches(1, row_groups=[group], columns=[path])).column(0))
    if not pa.types.is_dictionary(first.type):  # a map's text, or no text to Arrow
        return values * file.metadata.row_group(group).column(index).total_uncompressed_size
    longest = pc.max(pc.binary_length(first.dictionary)).as_py() or 0
    # A dictionary of one may be a value beside it: whoever writes decides, value by value.
    if len(first.dictionary) > 1 and longest * values <= room:
        return longest * values
    whole = file.read_row_group(group, columns=[path]).column(0)
    chunks = [_texts(chunk) for chunk in whole.chunks]
    return sum(
        pc.sum(pc.binary_length(chunk.dictionary).take(chunk.indices)).as_py() or 0
        for chunk in chunks
    )


def _texts(column: pa.Array) -> pa.Array:
    """Return the texts of a column of which one leaf was read: those in its lists and structs."""
    while pa.types.is_list(column.type) or pa.types.is_struct(column.type):
        is_list = pa.types.is_list(column.type)
        column = column.flatten() if is_list else column.field(0)
    return column
