"""Documents: YAML at the edge, strict; frozen model inside; every fault with line and column.

People write these files by hand, and an auditor reads them, so there is one meaning to each
line and no guessing. Every load answers with a model object, or with one `DocumentError` that
holds all faults of the file at once::

    file ─► text ─────► tree ──────► shape ───────► meaning ──────► model object
            one read,   YAML events, pydantic:      references,     frozen
            digest,     duplicates,  keys, types,   overlaps,
            UTF-8       places       words, dates   transports
              │           │            │               │
              └───────────┴─ faults ───┴───────────────┴──────────► DocumentError(faults)

Reading order: `reading` (the two passes, and how a path becomes a place), `text`, `tree`,
`shape` and `wording` (what pydantic checks, and how it is said), then one document:
`vantages` with `way_shape` is the smallest, `baseline` the largest: `baseline_shape` (what may be written),
`baseline_files` (what is included), `baseline_zones`, `baseline_entries` (template, entry and
environment laid over one another), `hosts`, `portlists` and `overlap`. `baseline_lint` looks
through one in every environment, `baseline_format` puts its lines in order. `segmentation` with `segmentation_shape` says which
zone may reach which, `segmentation_commit` since when. `sources` with `sources_shape` is where targets are listed, `tickets` with
`tickets_shape` where tickets are kept. Who approved what: `approvers` (the signed list), `approval_files` (detached
signatures), `ssh_signatures` (ssh-keygen), `gnupg` (gpg and gpgsm), `git_repository` (git, nothing of it run that the
repository brings), `git_signatures` (who signed a commit), `git_history` (versions of entries, with `entry_items`), `blame`, and `provenance`
puts them together; `approval_edit` and `writing` record an approval, `bounded` runs programs. `baseline_draft` writes proposed
entries, `baseline_draft_edit` adds them to a baseline; `reviews` are signed reviews of it, and
`review_editors` tells who may not review.
`custom_rules` with `custom_rules_shape` are rules of one's own, whose expressions are compiled here;
`scalar_places` finds a character of a value in the file. `target_list` is no YAML: the lists of `-iL`; nor is `sink_log`, what
`portproof sink` wrote. `git_file` reads a baseline as a git revision has it; `listening_file` and `intent_file`
read what hosts say listens and is let through (`intent_nft` with `intent_nft_match`,
`intent_iptables`, `intent_aws`, `intent_csv`; they make rules of `intent_draft`s, and `intent_chains`
follows their jumps). `json_schema` makes schemas for editors of the same shapes, `schema` writes them. What only some commands need
(rules of one's own, schemas) is imported from its own file, not from here.

The hardest decision: all faults at once, without one causing others. A loader that stops at the
first fault costs its user a round for each; one that goes on regardless reports an unknown asset
because that asset's own row had a misspelt key. Here faulty parts are cut out of the tree and
their surroundings marked, the rest is judged as if they had never been there, and references are
looked up among everything that was written.
"""

from portproof.documents.approvers import load_approvers
from portproof.documents.authorisation import load_authorisation
from portproof.documents.baseline import load_baseline
from portproof.documents.configuration import load_settings
from portproof.documents.facts import load_facts
from portproof.documents.framework import load_framework
from portproof.documents.segmentation import load_segmentation
from portproof.documents.service_rules import load_service_rules
from portproof.documents.sink_log import load_sink_log
from portproof.documents.sources import load_sources
from portproof.documents.target_list import load_target_list
from portproof.documents.tickets import load_tickets
from portproof.documents.top_ports import load_top_ports
from portproof.documents.vantages import load_vantages
from portproof.documents.waivers import load_waivers

__all__ = [
    "load_approvers",
    "load_authorisation",
    "load_baseline",
    "load_facts",
    "load_framework",
    "load_segmentation",
    "load_service_rules",
    "load_settings",
    "load_sink_log",
    "load_sources",
    "load_target_list",
    "load_tickets",
    "load_top_ports",
    "load_vantages",
    "load_waivers",
]
