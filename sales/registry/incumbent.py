"""The champion that stands, as today's rows and today's gate see it."""

from collections.abc import Iterable

from sales import engine, files, params
from sales.contract import Contract
from sales.data.split import PARTS
from sales.engine import partitions
from sales.errors import PipelineError
from sales.judging import evaluation, gates, scores
from sales.models import saved
from sales.models.features import Featuriser
from sales.registry.exports import Export
from sales.registry.promotion import Incumbent
from sales.registry.standing import Standing
from sales.registry.today import CONTRACT, METRICS, PREPARED, sample, served


def judged(now: Standing, candidate_hash: str) -> tuple[Incumbent | None, Export | None]:
    """Return the champion as the promotion rule sees it, and as it would be exported.

    Neither where there is no champion; no export where it is the candidate itself, whose content
    hash is given, or where it cannot be loaded.
    """
    champion = now.champion
    if champion is None:
        return None, None
    if champion.content_hash == candidate_hash:
        return Incumbent(champion.model, champion.content_hash), None
    settings = params.read("evaluate", scores.EvaluateParams)
    orders = {part: partitions.of(PREPARED.absolute() / f"{part}.parquet") for part in PARTS}
    try:
        export = now.export_of(champion)
        about = saved.load(export.folder).featuriser
        refuse_strange(about, sample(1).columns)
    except PipelineError as error:
        lost = Incumbent(champion.model, champion.content_hash, unloadable=str(error))
        return lost, None
    # Outside: a cluster that is lost on the way says nothing against the champion.
    with engine.started() as on:
        floor = scores.floor(Contract(**files.read_json(CONTRACT)))
        [found] = evaluation.evaluate([export.folder.absolute()], orders, settings, on, floor)
    steady = files.read_json(METRICS / "gate.json").get("steady")
    verdict = gates.judge(
        found.metrics,
        params.read("gate", gates.GateParams),
        gates.Steady(**steady) if steady else None,
    )
    incumbent = Incumbent(
        champion.model,
        champion.content_hash,
        found.metrics["test"]["rmse"],
        frozenset(about.request_fields),
        about.target,
        tuple(verdict["failed"]),
    )
    entry = {**export.entry, **served(export.folder, found.metrics)}
    told = evaluation.told(found, verdict)
    return incumbent, Export(export.folder, entry, told, export.card)


def refuse_strange(about: Featuriser, columns: Iterable[str]) -> None:
    """Raise PipelineError where today's data lacks a column that the model knows."""
    unlike = sorted({*about.request_fields, about.target} - set(columns))
    if unlike:
        raise PipelineError(f"today's data has no column '{unlike[0]}'")
