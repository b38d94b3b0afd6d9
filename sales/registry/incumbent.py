"""The champion that stands, as today's rows and today's gate see it."""

from collections.abc import Iterable

from sales import engine, files, params
from sales.contract import Contract
from sales.data.split import PARTS, PrepareParams
from sales.engine import partitions
from sales.errors import PipelineError
from sales.judging import evaluation, gates, scores
from sales.models import saved
from sales.models.features import Featuriser
from sales.registry import comparison
from sales.registry.exports import Export
from sales.registry.promotion import Candidate, Incumbent
from sales.registry.standing import Standing
from sales.registry.today import CONTRACT, METRICS, MODELS, PREPARED, sample, served


def judged(now: Standing, chosen: Candidate | None) -> tuple[Incumbent | None, Export | None]:
    """Return the champion as the promotion rule sees it, and as it would be exported.

    Neither where there is no champion; no export where it is the chosen candidate itself, or where
    it cannot be loaded.
    """
    champion = now.champion
    if champion is None:
        return None, None
    if chosen and champion.content_hash == chosen.content_hash:
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
    contract, both = Contract(**files.read_json(CONTRACT)), None
    with engine.started() as on:
        floor = scores.floor(contract)
        [found] = evaluation.evaluate([export.folder.absolute()], orders, settings, on, floor)
        if chosen and about.target == chosen.target:
            split, least = params.read("prepare", PrepareParams), now.settings.min_unseen_rows
            folder = MODELS / chosen.name
            both = comparison.compared(export, folder, now.registry, split, contract, on, least)
    steady = files.read_json(METRICS / "gate.json").get("steady")
    verdict = gates.judge(
        found.metrics,
        params.read("gate", gates.GateParams),
        gates.Steady(**steady) if steady else None,
    )
    incumbent = Incumbent(
        champion.model,
        champion.content_hash,
        both,
        frozenset(about.request_fields),
        about.target,
        tuple(verdict["failed"]),
    )
    entry = {**export.entry, **served(export.folder, found.metrics)}
    told = evaluation.told(found, verdict)
    return incumbent, Export(export.folder, entry, told, export.card, export.reference)


def refuse_strange(about: Featuriser, columns: Iterable[str]) -> None:
    """Raise PipelineError where today's data lacks a column that the model knows."""
    unlike = sorted({*about.request_fields, about.target} - set(columns))
    if unlike:
        raise PipelineError(f"today's data has no column '{unlike[0]}'")
