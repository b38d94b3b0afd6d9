"""What a request says of how its file is read: `/predict_file?separator=;&sheet=Orders`."""

from collections.abc import Mapping

from sales import params
from sales.data.incoming import HowParams
from sales.data.reading.dialects import CsvParams
from sales.errors import PipelineError
from sales.serving.refusals import RefusedError

CSV = tuple(CsvParams.model_fields)


def asked_how(query: Mapping[str, str]) -> HowParams:
    """Return what is asked for; what is not is found. Raises RefusedError for what is absurd."""
    told = {name: query[name] for name in CSV if name in query}
    sheet = {"sheet": query["sheet"]} if query.get("sheet") else {}
    try:
        return params.validate({"csv": told, **sheet}, HowParams, "query")
    except PipelineError as error:
        raise RefusedError(422, "invalid", str(error)) from None
