/* A DNS server for every address of this machine: what it is asked, with the response bit set.
 *
 * dns_answers PORT    answers from the address that was asked (IP_PKTINFO), until it is ended
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, SIZE = 512, ROOM = CMSG_SPACE(sizeof(struct in_pktinfo)) };

static char text[BATCH][SIZE], ancillary[BATCH][ROOM];
static struct sockaddr_in peer[BATCH];
static struct iovec piece[BATCH];
static struct mmsghdr message[BATCH];

static int bound(int port)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1, buffer = 32 << 20;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    if (bind(fd, (void *)&any, sizeof any)) {
        perror("bind");
        exit(1);
    }
    return fd;
}

/* Flags of a response (RFC 1035 section 4.1.1): it is one, and recursion is available. */
static void make_answer(int each)
{
    piece[each].iov_len = message[each].msg_len;
    text[each][2] |= (char)0x80;
    text[each][3] |= (char)0x80;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message[each].msg_hdr);
    if (head) {
        struct in_pktinfo *info = (void *)CMSG_DATA(head);
        info->ipi_spec_dst = info->ipi_addr;
        info->ipi_ifindex = 0;
    }
}

int main(int count, char **words)
{
    int fd = bound(count > 1 ? atoi(words[1]) : 53);
    for (;;) {
        for (int each = 0; each < BATCH; each++) {
            piece[each] = (struct iovec){text[each], SIZE};
            message[each].msg_hdr = (struct msghdr){
                .msg_name = &peer[each], .msg_namelen = sizeof peer[each],
                .msg_iov = &piece[each], .msg_iovlen = 1,
                .msg_control = ancillary[each], .msg_controllen = ROOM};
        }
        int received = recvmmsg(fd, message, BATCH, MSG_WAITFORONE, NULL);
        for (int each = 0; each < received; each++)
            make_answer(each);
        for (int sent = 0; sent < received;) {
            int more = sendmmsg(fd, message + sent, received - sent, 0);
            sent += more > 0 ? more : 1;
        }
    }
}
