"""A peer behind a TUN device: answers each SYN, odd ports open and even ones reset, until killed.

python tun_peer.py DEVICE
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys

SET_INTERFACE = 0x400454CA  # TUNSETIFF
TUN_WITHOUT_HEADER = 0x0001 | 0x1000
TCP = 6


def checksum(data: bytes) -> int:
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def answer_to(packet: bytes) -> bytes | None:
    """The answer to an IPv4 SYN; None to anything else."""
    if packet[0] != 0x45 or packet[9] != TCP or packet[33] != 0x02:
        return None
    source, port, sequence = struct.unpack(">HHI", packet[20:28])
    flags = 0x12 if port % 2 else 0x14
    tcp = struct.pack(
        ">HHIIBBHHH", port, source, 1, (sequence + 1) % 2**32, 0x50, flags, 1024, 0, 0
    )
    addresses = packet[16:20] + packet[12:16]
    total = checksum(addresses + struct.pack(">HH", TCP, len(tcp)) + tcp)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 40, 0, 0, 64, TCP, 0) + addresses
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return ip + tcp[:16] + struct.pack(">H", total) + tcp[18:]


def main() -> None:
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(
        device, SET_INTERFACE, struct.pack("16sH22x", sys.argv[1].encode(), TUN_WITHOUT_HEADER)
    )
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        answer = answer_to(os.read(device, 2048))
        if answer is not None:
            os.write(device, answer)


if __name__ == "__main__":
    main()
