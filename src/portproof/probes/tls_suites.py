"""The cipher suites up to TLS 1.2 that servers are found with: numbers and OpenSSL names.

Source: the IANA registry "TLS Cipher Suites" (RFC 8446 §11); OpenSSL 3.0 documentation,
openssl-ciphers(1), "CIPHER SUITE NAMES". What OpenSSL no longer has (RC4, single DES, export) keeps
the name of OpenSSL 1.0. In the order of OpenSSL's own default list, then the weak ones: a server
that follows its client chooses what it would choose in a handshake.
"""

from __future__ import annotations

from typing import Final

SUITES: Final[dict[int, str]] = {
    0xC02C: "ECDHE-ECDSA-AES256-GCM-SHA384",
    0xC030: "ECDHE-RSA-AES256-GCM-SHA384",
    0x00A3: "DHE-DSS-AES256-GCM-SHA384",
    0x009F: "DHE-RSA-AES256-GCM-SHA384",
    0xCCA9: "ECDHE-ECDSA-CHACHA20-POLY1305",
    0xCCA8: "ECDHE-RSA-CHACHA20-POLY1305",
    0xCCAA: "DHE-RSA-CHACHA20-POLY1305",
    0xC0AF: "ECDHE-ECDSA-AES256-CCM8",
    0xC0AD: "ECDHE-ECDSA-AES256-CCM",
    0xC02B: "ECDHE-ECDSA-AES128-GCM-SHA256",
    0xC02F: "ECDHE-RSA-AES128-GCM-SHA256",
    0x00A2: "DHE-DSS-AES128-GCM-SHA256",
    0x009E: "DHE-RSA-AES128-GCM-SHA256",
    0xC0AE: "ECDHE-ECDSA-AES128-CCM8",
    0xC0AC: "ECDHE-ECDSA-AES128-CCM",
    0xC05C: "ECDHE-ECDSA-ARIA128-GCM-SHA256",
    0xC060: "ECDHE-ARIA128-GCM-SHA256",
    0xC024: "ECDHE-ECDSA-AES256-SHA384",
    0xC028: "ECDHE-RSA-AES256-SHA384",
    0x006B: "DHE-RSA-AES256-SHA256",
    0xC023: "ECDHE-ECDSA-AES128-SHA256",
    0xC027: "ECDHE-RSA-AES128-SHA256",
    0x0067: "DHE-RSA-AES128-SHA256",
    0xC00A: "ECDHE-ECDSA-AES256-SHA",
    0xC014: "ECDHE-RSA-AES256-SHA",
    0x0039: "DHE-RSA-AES256-SHA",
    0x0038: "DHE-DSS-AES256-SHA",
    0x0088: "DHE-RSA-CAMELLIA256-SHA",
    0xC009: "ECDHE-ECDSA-AES128-SHA",
    0xC013: "ECDHE-RSA-AES128-SHA",
    0x0033: "DHE-RSA-AES128-SHA",
    0x0032: "DHE-DSS-AES128-SHA",
    0x0045: "DHE-RSA-CAMELLIA128-SHA",
    0xC072: "ECDHE-ECDSA-CAMELLIA128-SHA256",
    0xC076: "ECDHE-RSA-CAMELLIA128-SHA256",
    0x009D: "AES256-GCM-SHA384",
    0xC09D: "AES256-CCM",
    0x009C: "AES128-GCM-SHA256",
    0xC09C: "AES128-CCM",
    0x003D: "AES256-SHA256",
    0x003C: "AES128-SHA256",
    0x0035: "AES256-SHA",
    0x0084: "CAMELLIA256-SHA",
    0x002F: "AES128-SHA",
    0x0041: "CAMELLIA128-SHA",
    0x0096: "SEED-SHA",
    0x0007: "IDEA-CBC-SHA",
    0xC008: "ECDHE-ECDSA-DES-CBC3-SHA",
    0xC012: "ECDHE-RSA-DES-CBC3-SHA",
    0x0016: "DHE-RSA-DES-CBC3-SHA",
    0x0013: "DHE-DSS-DES-CBC3-SHA",
    0x000A: "DES-CBC3-SHA",
    0xC007: "ECDHE-ECDSA-RC4-SHA",
    0xC011: "ECDHE-RSA-RC4-SHA",
    0x0005: "RC4-SHA",
    0x0004: "RC4-MD5",
    0x0015: "DHE-RSA-DES-CBC-SHA",
    0x0009: "DES-CBC-SHA",
    0x0014: "EXP-DHE-RSA-DES-CBC-SHA",
    0x0008: "EXP-DES-CBC-SHA",
    0x0006: "EXP-RC2-CBC-MD5",
    0x0003: "EXP-RC4-MD5",
    0xC006: "ECDHE-ECDSA-NULL-SHA",
    0xC010: "ECDHE-RSA-NULL-SHA",
    0x003B: "NULL-SHA256",
    0x0002: "NULL-SHA",
    0x0001: "NULL-MD5",
}
# Chosen by servers only when offered, and never by us: TLS 1.3 hides what the hello is for.
_TLS_1_3: Final[dict[int, str]] = {
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0x1304: "TLS_AES_128_CCM_SHA256",
    0x1305: "TLS_AES_128_CCM_8_SHA256",
}


def name_of_suite(number: int) -> str:
    """Give the OpenSSL name of a suite; `0x1234` for one that is not in the table."""
    return SUITES.get(number) or _TLS_1_3.get(number) or f"0x{number:04x}"
