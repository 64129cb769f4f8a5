/* A server that takes connections and drops them at once: accept PORT, on every address there is. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int count, char **words) {
    int yes = 1, door = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in here = {.sin_family = AF_INET};
    if (count != 2) return 2;
    here.sin_port = htons(atoi(words[1]));
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(door, (void *)&here, sizeof here) || listen(door, 65535)) {
        perror("accept");
        return 1;
    }
    for (;;) {
        int visitor = accept(door, NULL, NULL);
        if (visitor >= 0) close(visitor);
    }
}
