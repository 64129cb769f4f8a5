"""Target sources: where assets are listed, one file for each kind of place, behind one contract.

::

    sources.yaml ─► registry ─► Source.fetch() ─► Listing ─► policy.targets ─► store
                       │             │
                       │             └─ ground     time, stop, secrets, names, bounds
                       └─ one file each, which says what it found; gathering makes it harmless

    static         in sources.yaml itself         csv_register   an asset register
    dns_names      names and SRV records          dns_transfer   a whole zone, AXFR
    file_sd        Prometheus' files              http_sd        Prometheus' URL      (on prometheus)
    terraform      terraform show -json           ansible        ansible-inventory --list
    kubernetes     services, ingresses (with kubeconfig)
    aws, azure, gcp   public addresses and security groups (on cloud)
    consul         its catalogue                  netbox         its IPAM
    nmap_xml, masscan, naabu   what others scanned: imported, not witnessed (on scan_lines)
    nmap_services  what nmap recognised, for drafts of baselines
    ss, osquery    sockets that listen            (on listening)
    exporting      our own targets, in the shapes that are read here

    files, web     reading, bounded               trees          looking into strangers' JSON

Read `gathering` first, then `registry`, then any source.

The hardest decision: a list is whole or unknown. A source that breaks off on its third page knows
some assets, but what is missing from a part of a list looks like assets that have gone; so every
bound, time-out and torn page fails the whole fetch, and only an answer that was read to its end may
retire a target.
"""

from portproof.sources.exporting import FORMS, exported
from portproof.sources.ground import Ground, Limits
from portproof.sources.registry import Source

__all__ = ["FORMS", "Ground", "Limits", "Source", "exported"]
