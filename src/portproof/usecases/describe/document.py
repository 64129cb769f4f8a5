"""The whole `EvidenceDocument` of one case, in the order of the report's sections."""

from __future__ import annotations

from portproof.model.evidence import SCHEMA, EvidenceDocument
from portproof.usecases.describe import cover, extent, history, register, results
from portproof.usecases.describe.case import Case


def describe(case: Case) -> EvidenceDocument:
    """Give everything a report prints; drawing it computes nothing any more."""
    compared, note = history.compared_with(case)
    return EvidenceDocument(
        schema=SCHEMA,
        report=cover.report_info(case),
        summary=cover.summary(case),
        scope=extent.scope_info(case),
        authorisation=extent.authorisation_info(case),
        method=extent.method_info(case),
        vantage=extent.vantage_info(case),
        run=extent.run_info(case),
        controls=extent.control_infos(case.run),
        witnesses=extent.witness_infos(case.run),
        coverage=extent.coverage_infos(case.run),
        frameworks=results.framework_infos(case.checked.frameworks),
        findings=results.finding_infos(case),
        unknown=results.unknown_infos(case),
        waivers=register.waiver_infos(case),
        register=register.entry_infos(case),
        changes=history.change_infos(case),
        compared_with=compared,
        changes_note=note,
        operation=history.operation_infos(case),
        timeline=tuple(case.intervals),
        hosts=extent.host_infos(case),
        own_listeners=extent.own_listeners(case.run),
        documents=history.document_infos(case),
        index=history.evidence_items(case),
    )
