"""Report formats: everything a person or a machine is handed, drawn from `EvidenceDocument` alone.

A report computes nothing (law 3). What is printed stands in the document; this package only lays
it out, and where it leaves something out for room it says how much, and where the whole is::

                         ┌── evidence_json   evidence.json, canonical: the source of truth
                         │
                         ├── page ─┬─ html   report.html, one file, everything in it
    EvidenceDocument ────┤         └─ pdf    report.pdf, PDF/A-3b, long tables cut, evidence attached
                         │    ▲
                         │    └── figures: exposure + heatmap, timeline, bars  (on svg)
                         ├── sarif, junit, jsonl    text for CI and pipes
                         └── terminal               tables for `rich`
    Matrix ──────────────── segmentation_page (HTML, PDF), _json, _terminal; words in _words
    KeptMatrix, Clocks ──── segmentation_history
    RunRecord ──────┬────── run_record              the same for a scan that nobody judged yet
                    └────── nmap_xml, nmap_grep, nmap_normal   for nmap's readers: what they share is
                            in nmap_hosts (with how a gap is written there) and nmap_run; `files`
                            writes them whole or not at all
    Fault ────────────────── faults          what is wrong with a document, for CI and editors
    DiffDocument ─────────── diff_text, _json, _markdown (pull_request bounds and tames Markdown)
    PlanDocument ─────────── plan_text, _json, _markdown, _sarif
    ReconcileDocument ────── reconcile_text, _json, _markdown, _csv
    Baseline ─────────────── effective       its entries as they hold, and where each part stands
    Register ─────────────── register_list   CSV, Markdown, HTML
    TicketLine ───────────── ticket_tables   findings by their tickets

Reading order: `neutral` (strangers' text made harmless), `wording` (numbers in words), `page`, then
the format you came for; `standalone` draws the pages that are none of a report. Templates and style sheets are data, in `reports/`.

The hardest decision: HTML and PDF are the same template, `reports/report.html.j2`, with two style
sheets and two sets of limits. Two templates would drift apart, and an auditor who holds both must
never find a claim in one that the other words differently.
"""
