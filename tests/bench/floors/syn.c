/* The floor of SYN sending: the same number of frames by the same system call, from C.
 *
 *   syn INTERFACE SOURCE_MAC TARGET_MAC SOURCE_IP FIRST_TARGET_IP HOSTS PORTS
 *
 * Sends one SYN to ports 1..PORTS of HOSTS addresses and prints the seconds that took. Each frame has
 * its own target, port and sequence number, and right checksums. Nothing is received.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/socket.h>

enum { BATCH = 1024, LENGTH = 58 };
static unsigned char template[LENGTH];

struct message { struct msghdr header; unsigned int sent; };
int sendmmsg(int, struct message *, unsigned int, int);

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static uint16_t checksum(const unsigned char *data, int length, uint32_t sum) {
    for (int i = 0; i < length; i += 2) sum += data[i] << 8 | data[i + 1];
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static void build(unsigned char *frame, uint32_t target, uint16_t port, uint32_t sequence) {
    uint32_t to = htonl(target), number = htonl(sequence);
    uint16_t at = htons(port), sum;
    memcpy(frame, template, LENGTH);
    memcpy(frame + 30, &to, 4);
    memcpy(frame + 36, &at, 2);
    memcpy(frame + 38, &number, 4);
    sum = checksum(frame + 14, 20, 0);
    memcpy(frame + 24, &sum, 2);
    sum = checksum(frame + 26, 32, 6 + 24);
    memcpy(frame + 50, &sum, 2);
}

static void read_mac(const char *text, unsigned char *into) {
    unsigned int byte[6];
    sscanf(text, "%x:%x:%x:%x:%x:%x", byte, byte + 1, byte + 2, byte + 3, byte + 4, byte + 5);
    for (int i = 0; i < 6; i++) into[i] = byte[i];
}

int main(int count, char **given) {
    static unsigned char frames[BATCH][64];
    static struct iovec vectors[BATCH];
    static struct message messages[BATCH];
    const unsigned char ip[] = {8, 0, 0x45, 0, 0, 44, 0, 0, 0x40, 0, 64, 6};
    const unsigned char tcp[] = {0x60, 2, 0xfa, 0xf0, 0, 0, 0, 0, 2, 4, 5, 0xb4};
    if (count != 8) return 2;
    int sock = socket(AF_PACKET, SOCK_RAW, 0);
    struct sockaddr_ll link = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(given[1])};
    if (sock < 0 || bind(sock, (struct sockaddr *)&link, sizeof link)) { perror("floor"); return 1; }
    read_mac(given[3], template);
    read_mac(given[2], template + 6);
    memcpy(template + 12, ip, sizeof ip);
    inet_pton(AF_INET, given[4], template + 26);
    template[34] = 0xee; template[35] = 0x48;
    memcpy(template + 46, tcp, sizeof tcp);
    uint32_t first;
    inet_pton(AF_INET, given[5], &first);
    first = ntohl(first);
    long hosts = atol(given[6]), all = hosts * atol(given[7]);
    for (int i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){frames[i], LENGTH};
        messages[i].header = (struct msghdr){.msg_iov = vectors + i, .msg_iovlen = 1};
    }
    double began = now();
    for (long done = 0; done < all;) {
        int size = all - done < BATCH ? all - done : BATCH;
        for (int i = 0; i < size; i++)
            build(frames[i], first + (done + i) % hosts, (done + i) / hosts + 1, (done + i) * 2654435761u);
        for (int sent = 0; sent < size;) {
            int taken = sendmmsg(sock, messages + sent, size - sent, 0);
            if (taken > 0) sent += taken;
        }
        done += size;
    }
    printf("%.6f\n", now() - began);
    return 0;
}
