/* The floor of a connect scan of one host: what the system calls cost without any bookkeeping.
 *
 *     connect ADDRESS FIRST LAST AT_ONCE TIMEOUT_MS
 *
 * One socket serves many ports: it is registered once, edge-triggered, and after a refusal a second
 * connect() collects the error and returns it to CLOSED. Prints the seconds from the first connect
 * to the last outcome, and the open ports. It tells no reset from an ICMP error, keeps no times, no
 * rates and no order, asks once, and believes a connection with itself: a floor, not a scanner.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 65536, EVENTS = 4096, BURST = 1024 };

static int port_of[MOST];           /* by descriptor: the port it asks, 0 when idle */
static double deadline_of[MOST];
static int idle[MOST], idle_count, open_ports[MOST], open_count;
static int queue, under_way, highest;

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec * 1e-9;
}

static int new_socket(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct linger reset = {1, 0};
    struct epoll_event event = {.events = EPOLLOUT | EPOLLET, .data.fd = fd};
    if (fd < 0 || fd >= MOST) {
        perror("socket");
        exit(1);
    }
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event);
    if (fd > highest) highest = fd;
    return fd;
}

static void give_up(int fd) {
    close(fd);
    port_of[fd] = 0;
    under_way--;
}

static void answered(struct epoll_event *event, struct sockaddr_in *target) {
    int fd = event->data.fd;
    if (!port_of[fd]) return;
    if (event->events & (EPOLLERR | EPOLLHUP)) {
        target->sin_port = htons(port_of[fd]);
        connect(fd, (void *)target, sizeof *target); /* collects the error */
        port_of[fd] = 0;
        under_way--;
        idle[idle_count++] = fd;
    } else if (event->events & EPOLLOUT) {
        open_ports[open_count++] = port_of[fd];
        give_up(fd);
    }
}

int main(int count, char **words) {
    struct sockaddr_in target = {.sin_family = AF_INET};
    struct epoll_event events[EVENTS];
    struct rlimit limit;
    if (count != 6 || !inet_aton(words[1], &target.sin_addr)) return 2;
    int next = atoi(words[2]), last = atoi(words[3]), at_once = atoi(words[4]);
    double timeout_s = atof(words[5]) / 1000;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    queue = epoll_create1(0);
    double began = now(), at = began, swept = began;
    while (next <= last || under_way) {
        for (int burst = BURST; burst && next <= last && under_way < at_once; burst--, next++) {
            int fd = idle_count ? idle[--idle_count] : new_socket();
            target.sin_port = htons(next);
            if (connect(fd, (void *)&target, sizeof target) && errno != EINPROGRESS) {
                perror("connect");
                return 1;
            }
            port_of[fd] = next;
            deadline_of[fd] = at + timeout_s;
            under_way++;
        }
        int more = next <= last && under_way < at_once;
        int ready = epoll_wait(queue, events, EVENTS, more ? 0 : 20);
        at = now();
        for (int each = 0; each < ready; each++) answered(&events[each], &target);
        if (at - swept < 0.02) continue;
        swept = at;
        for (int fd = 0; fd <= highest; fd++)
            if (port_of[fd] && deadline_of[fd] < at) give_up(fd);
    }
    printf("%.4f\n", now() - began);
    for (int each = 0; each < open_count; each++) printf("%d\n", open_ports[each]);
    return 0;
}
